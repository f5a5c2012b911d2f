//! `zaigang-agent replay`: derives the findings of a recorded boot again, shows line by line why
//! one stands, and tells what another policy would change. Reads the observation log alone: no
//! camera, no network, no model.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use presence::{EngineOutput, Fact, Finding, FindingKey, Policy, RecordedCall, Statement};
use protocol::{
    id::{DeviceId, RoomId},
    up::{Explanation, Manifest},
};

use crate::{
    config,
    record::Vault,
    wire::{self, Origin},
};

const EXAMPLES: &str = "\
Examples:
  zaigang-agent replay --config agent.toml --boots                     what is recorded
  zaigang-agent replay --config agent.toml                             the findings of the last \
  boot, derived again
  zaigang-agent replay --config agent.toml --finding 3f9a…             why this one stands: who \
  was seen when, which figures, which settings
  zaigang-agent replay --config agent.toml --policy other.toml         which findings would \
  appear or vanish
  zaigang-agent replay --log /var/lib/zaigang --finding 3f9a…          the same from a state \
  folder, or a copy of one with its key

other.toml holds lines `setting = integer`; settings that are left out stay as they were recorded.";

/// Derive findings again from the observation log, and say why.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration that names the state folder
    #[arg(long, value_name = "FILE", required_unless_present = "log")]
    config: Option<PathBuf>,
    /// The state folder itself, such as a copy of a box's
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    log: Option<PathBuf>,
    /// Which start of the agent; the last one by default
    #[arg(long, value_name = "N")]
    boot: Option<u64>,
    /// List the recorded starts
    #[arg(long)]
    boots: bool,
    /// A finding's id, or its first digits: say why it stands
    #[arg(long, value_name = "ID")]
    finding: Option<String>,
    /// Compare with another policy; with --finding: why it stands under that one
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Whose log it is, where the folder holds no identity: ids of findings are made with it
    #[arg(long, value_name = "ID")]
    device: Option<DeviceId>,
    /// Print each step of each finding as JSON, one per line: byte for byte the same for the same
    /// recording
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let mut text = String::new();
        self.tell(&mut text)?;
        log_lines::say_text!("{text}");
        Ok(())
    }

    fn tell(&self, text: &mut String) -> anyhow::Result<()> {
        let state = match (&self.log, &self.config) {
            (Some(log), _) => log.clone(),
            (None, Some(config)) => config::load(config)?.state_dir,
            (None, None) => anyhow::bail!("name the state folder by --config or --log"),
        };
        anyhow::ensure!(
            state.join("observations").is_dir(),
            "{}: no observation log there",
            state.display()
        );
        let vault = Vault::of_existing(&state)?;
        let boots = vault.boots()?;
        if self.boots {
            boots.iter().try_for_each(|boot| writeln!(text, "{boot}"))?;
            return Ok(());
        }
        let Some(boot) = self.boot.or(boots.last().copied()) else {
            anyhow::bail!("nothing is recorded")
        };
        let recording = vault.read(boot)?;
        anyhow::ensure!(
            !recording.is_empty(),
            "nothing is recorded of boot {boot}; --boots lists what is"
        );
        let device = self.device.clone().unwrap_or_else(|| {
            delivery::identity::BoxIdentity::load(&state)
                .map_or_else(|_| unknown_device(), |identity| identity.device)
        });
        let other = self
            .policy
            .as_deref()
            .map(|path| read_policy(path, &recorded_policy(&recording)))
            .transpose()?;
        match (&self.finding, &other) {
            (Some(wanted), other) => explain(&recording, other.as_ref(), &device, wanted, text)?,
            (None, Some(other)) => compare(&recording, other, &device, text)?,
            (None, None) => self.steps(&recording, &device, text)?,
        }
        Ok(())
    }

    /// Every step of every finding.
    fn steps(
        &self,
        recording: &[RecordedCall],
        device: &DeviceId,
        text: &mut String,
    ) -> anyhow::Result<()> {
        for output in presence::replay(recording, None) {
            let EngineOutput::Finding(step) = output else { continue };
            if self.json {
                let explanation = wording::of_box(&step.statement);
                let told = StepTold { step: &step, explanation };
                writeln!(text, "{}", serde_json::to_string(&told)?)?;
            } else {
                writeln!(text, "{}", line(&step, device))?;
            }
        }
        Ok(())
    }
}

/// A step of a finding as it was said, with its sentence.
#[derive(Debug, serde::Serialize)]
struct StepTold<'a> {
    #[serde(flatten)]
    step: &'a Finding,
    explanation: Explanation,
}

/// Why a finding stands: under the recorded policy, or under another (which may raise it, or not).
fn explain(
    recording: &[RecordedCall],
    other: Option<&Policy>,
    device: &DeviceId,
    wanted: &str,
    text: &mut String,
) -> anyhow::Result<()> {
    let mut outputs = presence::replay(recording, None);
    outputs.extend(other.map(|other| presence::replay(recording, Some(other))).unwrap_or_default());
    let (id, key) = find(&outputs, device, wanted)?;
    writeln!(text, "{id}")?;
    let words = |said: &Statement| {
        let Explanation { zh, en } = wording::of_box(said);
        vec![zh, en]
    };
    for line in presence::why(recording, other, &key, words) {
        writeln!(text, "{line}")?;
    }
    Ok(())
}

fn compare(
    recording: &[RecordedCall],
    other: &Policy,
    device: &DeviceId,
    text: &mut String,
) -> std::fmt::Result {
    let result = presence::what_if(recording, other);
    for finding in &result.appear {
        writeln!(text, "+ {}", line(finding, device))?;
    }
    for finding in &result.vanish {
        writeln!(text, "- {}", line(finding, device))?;
    }
    for (finding, before) in &result.change {
        writeln!(text, "~ {} (was {before:?})", line(finding, device))?;
    }
    let (appear, vanish, change) = (result.appear.len(), result.vanish.len(), result.change.len());
    writeln!(text, "{appear} would appear, {vanish} vanish, {change} change their severity")
}

fn line(finding: &Finding, device: &DeviceId) -> String {
    let report = report(finding, device);
    let session =
        report.session.as_ref().map_or("no session".to_owned(), |s| format!("session {s}"));
    format!(
        "{} {} {:?} {} {:?} {session} {}",
        report.raised_at,
        report.rule,
        report.severity,
        report.revision,
        report.step,
        report.finding_id
    )
}

fn find(
    outputs: &[EngineOutput],
    device: &DeviceId,
    wanted: &str,
) -> anyhow::Result<(String, FindingKey)> {
    let mut found = BTreeMap::new();
    for output in outputs {
        if let EngineOutput::Finding(finding) = output {
            let id = report(finding, device).finding_id;
            if id.starts_with(wanted) {
                found.insert(id, finding.key.clone());
            }
        }
    }
    match found.len() {
        0 => anyhow::bail!("this boot raised no finding {wanted}; --boots lists the others"),
        1 => {}
        several => anyhow::bail!("{several} findings begin with {wanted}: give more digits"),
    }
    found.pop_first().ok_or_else(|| anyhow::anyhow!("this boot raised no finding {wanted}"))
}

fn report(finding: &Finding, device: &DeviceId) -> protocol::up::FindingReport {
    let origin = Origin {
        device: device.clone(),
        room: unknown_room(),
        institution: crate::wire::unknown_institution(),
        manifest: Manifest {
            firmware: String::new(),
            pack: String::new(),
            pack_sha256: String::new(),
            config_sha256: String::new(),
            policy_sha256: String::new(),
            policy_version: 0,
            roster_version: 0,
            liveness_waived: false,
        },
        policies: BTreeMap::new(),
    };
    wire::finding(&origin, |_| None, finding)
}

/// The room is no part of a finding's id, and its lines do not show it.
fn unknown_room() -> RoomId {
    #[expect(clippy::unwrap_used, reason = "the text is an identifier")]
    "room".parse().unwrap()
}

fn unknown_device() -> DeviceId {
    #[expect(clippy::unwrap_used, reason = "the text is an identifier")]
    "unknown".parse().unwrap()
}

/// The policy that was in force at the end of the recording.
fn recorded_policy(recording: &[RecordedCall]) -> Policy {
    let told = recording.iter().rev().filter_map(|entry| match entry {
        RecordedCall::Inform { fact, .. } => match &**fact {
            Fact::Policy(policy) => Some((**policy).clone()),
            _ => None,
        },
        _ => None,
    });
    told.into_iter().next().unwrap_or_default()
}

/// The recorded policy with the file's settings in their places.
fn read_policy(path: &std::path::Path, recorded: &Policy) -> anyhow::Result<Policy> {
    let said = |why: String| anyhow::anyhow!("--policy {}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|why| said(why.to_string()))?;
    let settings: BTreeMap<String, i64> =
        toml::from_str(&text).map_err(|why| said(why.message().to_owned()))?;
    let mut policy = recorded.clone().with_version(u32::MAX);
    for (name, value) in settings {
        policy.set(&name, value).map_err(|why| said(why.to_string()))?;
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use presence::{ClockQuality, Moment, Mono, Wall};

    use super::*;

    fn policy(ms: u64, setting: &str, value: i64) -> RecordedCall {
        let at = Moment { mono: Mono(ms), wall: Wall(ms as i64), clock: ClockQuality::GOOD };
        let mut policy = Policy::default().with_version(ms as u32);
        policy.set(setting, value).unwrap();
        RecordedCall::Inform { at, fact: Box::new(Fact::Policy(Box::new(policy))) }
    }

    #[test]
    fn what_a_policy_file_leaves_out_stays_as_it_was_recorded() {
        let recording = [policy(1, "hb4_frames", 7), policy(2, "liveness_waived", 1)];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "nl1_gap_level = 2\n").unwrap();
        let read = read_policy(file.path(), &recorded_policy(&recording)).unwrap();
        assert_eq!((read.nl1_gap_level(), read.liveness_waived(), read.hb4_frames()), (2, 1, 3));
    }

    #[test]
    fn an_unknown_setting_is_answered_with_its_neighbours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "nl1_gap = 3\n").unwrap();
        let said = read_policy(file.path(), &Policy::default()).unwrap_err().to_string();
        assert!(
            said.contains("`nl1_gap`") && said.contains("nl1_gap_level") && !said.contains('\n'),
            "{said}"
        );
    }
}
