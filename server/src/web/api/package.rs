//! A case package: one zip with the case as PDF and as JSON, the chain of its box as a bundle, and
//! a checksum of each.
//!
//! It is put together in memory for one reader and kept nowhere; the audit log says who took it, of
//! which case, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use jiff::SignedDuration;
use protocol::id::{PersonId, SessionId};
use protocol::up::{PresenceReport, Step};
use sm3::{Digest as _, Sm3};
use zip::write::SimpleFileOptions;

use super::alerts::{seen, whole};
use crate::access::Who;
use crate::app::App;
use crate::clock::{self, At};
use crate::config::Mode;
use crate::export;
use crate::ids::AlertId;
use crate::no_room_told;
use crate::paper;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::Alert;
use crate::web::answer::{Download, Zip};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PACKAGE;
use crate::web::view::case_paper::{
    self, CaseFile, CasePaperContext, ListedFile, NamedPerson, PackageMade,
};
use crate::web::view::words::Lang;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/alerts/{id}/package", get_package).roles(PACKAGE).audited(),
        Endpoint::get("/api/v1/alerts/{id}/package", get_package).roles(PACKAGE).audited().summary(
            "The case as a zip: PDF, JSON, chain bundle and checksums; `why` goes into the \
                audit log",
        ),
    ]
}

/// A bundle reaches this far before the first word of the case and after the last.
const AROUND_H: i64 = 1;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct PackageQuery {
    /// Case number or reason, for the audit log.
    #[serde(default)]
    pub why: String,
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    #[schemars(skip)]
    pub lang: Option<String>,
}

/// One file of the package.
struct Part {
    name: String,
    bytes: Vec<u8>,
}

impl Part {
    /// SM3 (GB/T 32905) stands beside SHA-256, as the country's courts may ask for it.
    fn listed(&self) -> ListedFile {
        ListedFile {
            name: self.name.clone(),
            bytes: self.bytes.len(),
            sha256: trust::sha256_hex(&self.bytes),
            sm3: hex::encode(Sm3::digest(&self.bytes)),
        }
    }
}

async fn get_package(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
    Query(query): Query<PackageQuery>,
) -> Result<Download<Zip>, Problem> {
    if query.why.trim().is_empty() {
        return Err(Problem::unprocessable(
            "why: say the case number or the reason; it goes into the audit log",
        ));
    }
    let (number, bytes) = app.blocking(move |a| made(a, &who, l, &id, query.why.trim())).await?;
    Ok(Download::new(format!("zaigang-case-{number}.zip"), bytes))
}

/// Blocking: number of the alert and the zip.
fn made(a: &App, who: &Who, l: Lang, id: &AlertId, why: &str) -> Result<(i64, Vec<u8>), Problem> {
    let alert = seen(a.store.alert(id)?, who, id)?;
    let made_at = At::now();
    crate::web::request::sight::note(a, [&alert])?;
    let whole = whole(a, who, &alert, i64::MAX)?;
    deed::did(format!("case package of alert {}", alert.id));
    // Whom alone a withdrawn finding named is nobody's business.
    let standing = whole.alert.findings.iter().filter(|f| f.report.step != Step::Withdrawn);
    let about: BTreeSet<PersonId> =
        standing.flat_map(|f| &f.report.persons).map(|p| p.person.clone()).collect();
    let logins: BTreeSet<String> = whole.steps.iter().map(|s| s.by.clone()).collect();
    let case = CaseFile {
        whole,
        persons: persons(a, &about)?,
        institution_registered: a.store.institution(&alert.institution)?,
        package: PackageMade {
            made_at,
            by: who.name.clone(),
            why: clock::clip(why, 200),
            format: "zaigang-case/1",
        },
    };
    let text = serde_json::to_vec_pretty(&case).map_err(|e| Problem::internal(&e))?;
    let mut parts = vec![Part { name: "case.json".to_owned(), bytes: text }];
    parts.extend(chain(a, &alert, &about)?);
    let listed: Vec<ListedFile> = parts.iter().map(Part::listed).collect();
    let about = CasePaperContext {
        item: crate::web::view::alert_facts::item_name(a, &alert)?,
        procedure: super::cases::told_of(a, l, &alert.id)?,
        signers: signers(a, &logins)?,
    };
    let font = paper::Font::find(a.config.font_file.as_deref())
        .map_err(|e| Problem::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string()))?;
    let title = format!("{} #{}", l.t("案件材料", "Case papers"), alert.number.for_authority());
    let blocks = case_paper::blocks(l, &title, &case, &about, &listed);
    let mut foot = l
        .t(
            "线索材料，不作违法认定 · 内部办案，不得公开",
            "Lead, not a finding of a violation · internal, not for publication",
        )
        .to_owned();
    if a.config.mode == Mode::Demonstration {
        foot.push_str(l.t(" · 演示", " · demonstration"));
    }
    if alert.liveness_waived {
        foot.push_str(l.t(" · 活体检测已豁免", " · liveness waived"));
    }
    let pdf =
        paper::pdf(&title, l.code(), &blocks, &foot, &font).map_err(|e| Problem::internal(&e))?;
    parts.insert(0, Part { name: "case.pdf".to_owned(), bytes: pdf });
    Ok((alert.number.for_authority(), zipped(parts).map_err(|e| Problem::internal(&e))?))
}

/// Names of whoever took a step, by login.
fn signers(a: &App, logins: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Problem> {
    let mut names = BTreeMap::new();
    for login in logins {
        if let Some(account) = a.store.account_named(login)? {
            names.insert(login.clone(), account.display);
        }
    }
    Ok(names)
}

/// Names of whoever the findings and the declaration name; nobody else's.
fn persons(a: &App, about: &BTreeSet<PersonId>) -> Result<Vec<NamedPerson>, Problem> {
    let mut found = Vec::new();
    for id in about {
        if let Some(p) = a.store.practitioner(id.as_str())? {
            found.push(p.into());
        }
    }
    Ok(found)
}

/// The chain of the box around the case; none for what the server itself found. Of the sightings in
/// it only those of the case's own session and of whom it is about are whole: it is no attendance
/// record of their colleagues (P15).
fn chain(a: &App, alert: &Alert, about: &BTreeSet<PersonId>) -> Result<Option<Part>, Problem> {
    let Some(device) = &alert.device else { return Ok(None) };
    let around = SignedDuration::from_hours(AROUND_H);
    let from = alert.received_at - around;
    // Steps that people take move no chain: it ends behind the last word of the box.
    let last =
        a.store.finding_events(&alert.id, i64::MAX)?.into_iter().map(|e| e.received_at).max();
    let to = last.unwrap_or(alert.received_at) + around;
    let folder = tempfile::tempdir();
    let folder =
        folder.map_err(|e| no_room_told::problem(&std::env::temp_dir().join("chain"), &e))?;
    let path = folder.path().join("chain");
    let of_the_case = |seen: &PresenceReport| {
        seen.session.as_ref().map(SessionId::as_str) == alert.session.as_deref()
            && about.contains(&seen.person)
    };
    let written = export::bundle(&a.store, &a.signer, device, (from, to), &of_the_case, &path)
        .map_err(|e| match no_room_told::of_error(&e, folder.path()) {
            Some(no_room) => no_room.into(),
            None => Problem::internal(&format!("{e:#}")),
        })?;
    if !written {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(|e| Problem::internal(&e))?;
    Ok(Some(Part { name: format!("chain-{device}.jsonl"), bytes }))
}

/// The parts with `SHA256SUMS`, which `sha256sum -c` reads.
fn zipped(parts: Vec<Part>) -> zip::result::ZipResult<Vec<u8>> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let (mut sums, mut sm3) = (String::new(), String::new());
    for part in parts {
        let it = part.listed();
        let _ = writeln!(sums, "{}  {}", it.sha256, it.name);
        let _ = writeln!(sm3, "{}  {}", it.sm3, it.name);
        out.start_file(part.name, options)?;
        out.write_all(&part.bytes)?;
    }
    out.start_file("SM3SUMS", options)?;
    out.write_all(sm3.as_bytes())?;
    let _ = writeln!(sums, "{}  SM3SUMS", trust::sha256_hex(sm3.as_bytes()));
    out.start_file("SHA256SUMS", options)?;
    out.write_all(sums.as_bytes())?;
    Ok(out.finish()?.into_inner())
}
