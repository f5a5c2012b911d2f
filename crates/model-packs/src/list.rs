//! `models list` and `models verify`: what there is, and whether it is right.

use std::fmt::Write as _;

use anyhow::bail;
use vision::pack::{Pack, PackError, PackManifest, Search};

/// Prints every pack with its files and where each was found.
pub(super) fn list(search: &Search, json: bool) -> anyhow::Result<()> {
    let manifest = PackManifest::effective(search)?;
    if json {
        let packs: Vec<_> = manifest.packs().map(|pack| as_json(pack, search)).collect();
        log_lines::say!("{}", serde_json::json!({ "packs": packs }));
        return Ok(());
    }
    for pack in manifest.packs() {
        log_lines::say_text!("{}", describe(pack, search));
    }
    Ok(())
}

/// One pack for a script; a file that is not there has no `path`.
fn as_json(pack: &Pack, search: &Search) -> serde_json::Value {
    let files = pack.artefacts().into_iter().map(|(role, artefact)| {
        let path = pack
            .locate_file(search, artefact, &mut Vec::new())
            .ok()
            .map(|path| path.display().to_string());
        serde_json::json!({"role": role.to_string(), "sha256": artefact.sha256.to_string(),
            "path": path})
    });
    serde_json::json!({
        "name": pack.name,
        "title": pack.title,
        "optional": pack.optional,
        "calibrated": pack.thresholds.calibrated,
        "evidence_measured": pack.thresholds.evidence.is_some(),
        "template": pack.template_id(),
        "files": files.collect::<Vec<_>>(),
    })
}

/// One pack in words; every wrong file has a line of its own.
fn describe(pack: &Pack, search: &Search) -> String {
    let thresholds = &pack.thresholds;
    let mut marks = Vec::new();
    if pack.optional {
        marks.push("optional");
    }
    if !thresholds.calibrated {
        marks.push("thresholds not calibrated");
    }
    if thresholds.evidence.is_none() {
        marks.push("evidence curves assumed, not measured");
    }
    let mut text = format!("{}: {}", pack.name, pack.title);
    if !marks.is_empty() {
        let _ = write!(text, " [{}]", marks.join(", "));
    }
    let _ = writeln!(
        text,
        "\n  templates {}, match {} reject {} margin {} ppm",
        pack.template_id(),
        thresholds.bare.t_match_ppm,
        thresholds.bare.t_reject_ppm,
        thresholds.bare.margin_ppm
    );
    for (role, artefact) in pack.artefacts() {
        let mut rejected = Vec::new();
        let place = match pack.locate_file(search, artefact, &mut rejected) {
            Ok(path) => path.display().to_string(),
            Err(PackError::Missing { .. }) => "missing".to_owned(),
            Err(error) => error.to_string(),
        };
        let role = role.to_string();
        let _ = writeln!(
            text,
            "  {role:<9} {} ({} bytes, {}): {place}",
            artefact.file, artefact.bytes, artefact.licence
        );
        for line in rejected.iter().filter(|line| line.0 != place) {
            let _ = writeln!(text, "            passed over: {line}");
        }
    }
    text
}

/// Reads every byte of the packs' files; an error at the end when anything is missing or wrong.
pub(super) fn verify(search: &Search, names: &[String]) -> anyhow::Result<()> {
    let manifest = PackManifest::effective(search)?;
    let packs = super::chosen(&manifest, names)?;
    let mut faults = 0_u32;
    for pack in packs {
        for (_, artefact) in pack.artefacts() {
            let mut rejected = Vec::new();
            let error = match pack.locate_file(search, artefact, &mut rejected) {
                Ok(path) => {
                    log_lines::say!("ok       {} {}", artefact.sha256.short(), path.display());
                    String::new()
                }
                Err(error) => {
                    faults += 1;
                    log_lines::say!("refused  {error}");
                    error.to_string()
                }
            };
            for line in rejected.iter().filter(|line| line.0 != error) {
                log_lines::say!("passed over: {line}");
            }
        }
    }
    if faults > 0 {
        bail!("{faults} model file(s) missing or wrong; `zaigang-agent models fetch` gets them");
    }
    Ok(())
}
