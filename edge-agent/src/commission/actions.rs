//! What the installer can do, one function each: what the page's routes call, and nothing of HTTP.
//! A picture or a photograph is held in memory until it was sent or dropped; it is never written
//! anywhere.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use delivery::{identity::BoxIdentity, provision::server_of};
use local_page::{Access, EntryOutcome};
use protocol::{down::Zones, id::PersonId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{server_calls, server_link::ServerLink, view::CameraView};
use crate::{
    enroll::{Consent, EnrolmentProposal, Judged, read_api_token},
    lock::{self, Lock},
};

/// Photographs of one person that wait to be sent.
const MOST_PHOTOS: usize = 5;

/// How a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Over {
    Locked,
    /// The code or the session ended; the text says how.
    Closed(&'static str),
    Stopped,
}

/// The installer's desk.
pub(super) struct InstallerActions {
    pub(super) access: Mutex<Access>,
    pub(super) view: CameraView,
    pub(super) link: ServerLink,
    pub(super) over: watch::Sender<Option<Over>>,
    pub(super) state_dir: PathBuf,
    pub(super) identity: BoxIdentity,
    /// The first digits of the certificate's fingerprint.
    pub(super) session: String,
    pub(super) api_token_file: Option<PathBuf>,
    pub(super) photos: Mutex<Vec<Vec<u8>>>,
    pub(super) started: Instant,
}

/// Photographs and keys never print.
impl std::fmt::Debug for InstallerActions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("session", &self.session).finish_non_exhaustive()
    }
}

/// What is asked for by the page's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstEnrolmentForm {
    person: String,
    consent: Consent,
}

/// One line for the page: what is wrong, and the mend.
pub(super) type PageRefusal = String;

impl InstallerActions {
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tries a code; ten wrong ones end the page.
    pub(super) fn enter(&self, code: &str) -> EntryOutcome {
        let mut token = [0_u8; 32];
        if getrandom::fill(&mut token).is_err() {
            return EntryOutcome::Closed("this box gives no randomness");
        }
        let now = self.now_ms();
        let mut access = hold(&self.access);
        let entry = access.enter(code, trust::sha256_hex(token), now);
        if let Some(why) = access.over(now) {
            self.end(Over::Closed(why));
        }
        entry
    }

    pub(super) fn may(&self, token: &str) -> bool {
        hold(&self.access).holds(token, self.now_ms())
    }

    pub(super) fn end(&self, how: Over) {
        self.view.stop();
        self.over.send_if_modified(|over| {
            let first = over.is_none();
            if first {
                *over = Some(how);
            }
            first
        });
    }

    /// All that the page shows beside the picture.
    pub(super) fn state(&self) -> Value {
        let room = self.link.room().borrow().clone();
        json!({
            "device": self.identity.device, "room": self.identity.room,
            "known": room.is_some(), "version": room.as_ref().map(|r| r.0),
            "institution": room.as_ref().map(|r| &r.1.institution),
            "zones": room.as_ref().map(|r| &r.1.zones),
            "connected": self.link.connected(), "camera": self.view.complaint(),
                "walk": self.view.walked(),
            "test": self.link.test(), "photos": hold(&self.photos).len(),
        })
    }

    /// Sends what was drawn to the server. Its masks hold in the view at once, and with those that
    /// held before until the zones are back as knowledge: a mask may hide too much, never too
    /// little.
    pub(super) fn draw(&self, zones: &Zones) -> Result<(), PageRefusal> {
        zones.check_drawn()?;
        server_calls::zones(&self.state_dir, &self.identity.device, zones)
            .map_err(|why| why.to_string())?;
        let before = self.link.room().borrow().as_ref().map(|(_, room)| room.zones.clone());
        if before.as_ref() != Some(zones) {
            let masks = before
                .into_iter()
                .flat_map(|zones| zones.privacy_mask)
                .chain(zones.privacy_mask.clone());
            self.view.set_zones(masks.collect(), zones.bed.clone());
        }
        Ok(())
    }

    /// Judges a photograph, and keeps a good one for the proposal.
    pub(super) async fn photograph(&self, photo: Vec<u8>) -> Result<Judged, PageRefusal> {
        if hold(&self.photos).len() >= MOST_PHOTOS {
            return Err(format!(
                "照片已够 {MOST_PHOTOS} 张，请提交或清除 · {MOST_PHOTOS} photographs are enough: \
                send or drop them"
            ));
        }
        let judged = self.view.judge(photo.clone()).await.ok_or("画面已结束 · the view is over")?;
        if judged.good {
            hold(&self.photos).push(photo);
        }
        Ok(judged)
    }

    pub(super) fn drop_photos(&self) {
        hold(&self.photos).clear();
    }

    /// Proposes the person by the photographs taken; a supervisor confirms.
    pub(super) fn enrol(&self, it: &FirstEnrolmentForm) -> Result<Value, PageRefusal> {
        let person: PersonId = it
            .person
            .trim()
            .parse()
            .map_err(|why: protocol::id::BadId| format!("人员编号不对 · person: {why}"))?;
        it.consent.check().map_err(|why| {
            format!(
                "同意书不完整，没有同意书不得采集 · consent: {why}: without a consent record \
                nobody is enrolled"
            )
        })?;
        let photos = std::mem::take(&mut *hold(&self.photos));
        if photos.is_empty() {
            return Err("请先拍照 · take a photograph first".to_owned());
        }
        let sent = self.propose(&person, &it.consent, &photos);
        if sent.is_err() {
            // What was taken is not lost with a server that was away.
            *hold(&self.photos) = photos;
        }
        sent
    }

    fn propose(
        &self,
        person: &PersonId,
        consent: &Consent,
        photos: &[Vec<u8>],
    ) -> Result<Value, PageRefusal> {
        let line = |why: &dyn std::fmt::Display| why.to_string();
        let (server, agent) = server_of(&self.state_dir).map_err(|why| line(&why))?;
        let api_token = self
            .api_token_file
            .as_deref()
            .map(read_api_token)
            .transpose()
            .map_err(|why| log_lines::one_line(why.chain()))?;
        let institution =
            self.link.room().borrow().as_ref().map(|(_, room)| room.institution.clone());
        let proposal = EnrolmentProposal {
            person,
            institution: institution.as_ref(),
            consent,
            photos,
            api_token,
        };
        let answer =
            proposal.send(&agent, &server).map_err(|why| log_lines::one_line(why.chain()))?;
        let like: Vec<_> =
            answer["duplicates"].as_array().into_iter().flatten().map(|d| &d["person"]).collect();
        Ok(json!({"id": answer["id"], "duplicates": like}))
    }

    /// Ends commissioning: the server first, then the file, then the view.
    pub(super) fn lock(&self) -> Result<(), PageRefusal> {
        let Some((_, room)) = self.link.room().borrow().clone() else {
            return Err(
                "服务器尚未下发本诊室信息，请稍候 · the server has not told this box its room yet"
                    .to_owned(),
            );
        };
        if room.zones == Zones::default() {
            return Err(
                "尚未画区域，设备分不清操作区、床位与门 · no zone is drawn yet: the box could not \
                tell operator, bed and door apart"
                    .to_owned(),
            );
        }
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|why| why.to_string())?;
        let mut number = trust::sha256_hex(random);
        number.truncate(32);
        let made = Lock {
            lock: number,
            locked_at: format!("{:.3}", jiff::Timestamp::now()),
            session: self.session.clone(),
            zones_sha256: lock::hash(&room.zones),
            told_sha256: None,
        };
        server_calls::lock(&self.state_dir, &self.identity.device, &made.lock, &made.zones_sha256)
            .map_err(|why| why.to_string())?;
        made.write(&self.state_dir).map_err(|why| why.to_string())?;
        self.end(Over::Locked);
        Ok(())
    }
}

pub(super) fn hold<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
