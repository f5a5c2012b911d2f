//! Brings released ciphertexts to the server over HTTPS, part by part, each signed by this box.
//! What was interrupted goes on where the server stands. It decides nothing: it is given a released
//! item and says what became of it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use delivery::identity::BoxIdentity;
use delivery::provision::server_of;
use protocol::evidence::{EvidencePart, EvidencePartAnswer, MAX_EVIDENCE_BYTES, MAX_PART_BYTES};

use super::upload_errand::{Errand, ErrandOutcome};
use crate::event::Event;

/// First and longest wait before another try.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(5));

/// Why a try failed.
#[derive(Debug)]
enum Failed {
    /// Later again.
    Unreachable(String),
    Ended(ErrandOutcome),
}

/// Starts the courier's thread; it ends with the last sender of errands.
pub fn start(state_dir: PathBuf, to_agent: Sender<Event>) -> std::io::Result<Sender<Errand>> {
    let (errands, given) = channel();
    let thread = std::thread::Builder::new().name("evidence".to_owned());
    thread.spawn(move || run(&state_dir, &given, &to_agent))?;
    Ok(errands)
}

fn run(state_dir: &Path, given: &Receiver<Errand>, to_agent: &Sender<Event>) {
    let (mut waiting, mut pause): (Vec<Errand>, Duration) = (Vec::new(), Duration::ZERO);
    loop {
        let next = if waiting.is_empty() {
            given.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            given.recv_timeout(pause)
        };
        match next {
            Ok(errand) if waiting.iter().all(|w| w.id != errand.id) => waiting.push(errand),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        waiting.retain(|errand| match carry(state_dir, errand) {
            Ok(()) => !told(to_agent, errand, ErrandOutcome::Delivered),
            Err(Failed::Ended(outcome)) => !told(to_agent, errand, outcome),
            Err(Failed::Unreachable(why)) => {
                tracing::info!(item = %errand.id, "a released picture waits: {why}");
                true
            }
        });
        pause = next_pause(pause, waiting.len());
    }
}

/// Longer with each round, however many items wait: many pictures wait no longer than one.
fn next_pause(pause: Duration, waiting: usize) -> Duration {
    if waiting == 0 { Duration::ZERO } else { (pause * 2).clamp(RETRY.0, RETRY.1) }
}

fn told(to_agent: &Sender<Event>, errand: &Errand, outcome: ErrandOutcome) -> bool {
    // Where the agent is gone, the next start begins again.
    let _ = to_agent.send(Event::Carried(errand.id.clone(), errand.order.clone(), outcome));
    true
}

/// One try, from where the server stands to the end.
fn carry(state_dir: &Path, errand: &Errand) -> Result<(), Failed> {
    let lost = |why: String| Failed::Ended(ErrandOutcome::Lost(why));
    let ciphertext = std::fs::read(&errand.path).map_err(|why| lost(why.to_string()))?;
    let found = trust::sha256_hex(&ciphertext);
    if found != errand.sha256 || ciphertext.len() > MAX_EVIDENCE_BYTES {
        let expected = &errand.sha256;
        return Err(lost(format!("on the disk is another ciphertext: {found}, not {expected}")));
    }
    let (mut offset, mut from, mut begun_again) = (0_usize, 0_usize, false);
    // The first part asks; every answer says where to go on. A server that never advances is
    // asked again later.
    for _ in 0..4 * (ciphertext.len() / MAX_PART_BYTES + 2) {
        let part = &ciphertext[offset..from];
        let answer = match post(state_dir, errand, offset, part)? {
            Posted::Answer(answer) => answer,
            Posted::Differs(why) if begun_again => {
                return Err(Failed::Ended(ErrandOutcome::Refused(why)));
            }
            Posted::Differs(_) => {
                (offset, from, begun_again) = (0, 0, true);
                continue;
            }
        };
        if answer.complete {
            return Ok(());
        }
        offset = usize::try_from(answer.stored_bytes).unwrap_or(0).min(ciphertext.len());
        from = (offset + MAX_PART_BYTES).min(ciphertext.len());
    }
    Err(Failed::Unreachable("the server takes no part of it".to_owned()))
}

enum Posted {
    Answer(EvidencePartAnswer),
    /// Size or hash differ from the manifest's; the server has forgotten the parts.
    Differs(String),
}

fn post(state_dir: &Path, errand: &Errand, at: usize, part: &[u8]) -> Result<Posted, Failed> {
    let unreachable = |why: String| Failed::Unreachable(why);
    let identity = BoxIdentity::load(state_dir).map_err(|why| unreachable(why.to_string()))?;
    let (server, client) = server_of(state_dir).map_err(|why| unreachable(why.to_string()))?;
    let said = EvidencePart {
        delivers: identity.device.clone(),
        id: errand.id.clone(),
        order: errand.order.clone(),
        offset: at as u64,
        total_bytes: errand.bytes,
        sha256: errand.sha256.clone(),
        part: STANDARD.encode(part),
    };
    let text = serde_json::to_string(&said).map_err(|why| unreachable(why.to_string()))?;
    let mut response = client
        .post(format!("{}/api/v1/evidence", server.trim_end_matches('/')))
        .send_json(identity.signing.sign(text))
        .map_err(|why| unreachable(why.to_string()))?;
    let status = response.status().as_u16();
    if (200..300).contains(&status) {
        let answer = response.body_mut().read_json();
        return answer.map(Posted::Answer).map_err(|why| unreachable(why.to_string()));
    }
    let text = response.body_mut().read_to_string().unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let detail = problem.as_ref().and_then(|p| p["detail"].as_str()).unwrap_or(&text);
    let line: String = format!("{status} {detail}").chars().take(300).collect();
    match status {
        409 => Ok(Posted::Differs(line)),
        400 | 401 | 403 | 404 | 413 | 422 => Err(Failed::Ended(ErrandOutcome::Refused(line))),
        _ => Err(unreachable(line)),
    }
}

#[cfg(test)]
mod tests;
