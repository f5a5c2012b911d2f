//! What the page shows and does, one function each, and nothing of HTTP. Photographs are held in
//! memory until the server has their templates or they are dropped; nothing here writes one down.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use image::RgbImage;
use local_page::{Access, EntryOutcome, RgbPixels};
use serde_json::{Value, json};

use super::act::Act;
use super::demo_clinic::{self, ChangedTime, InboxAlert};
use super::expected_verdicts::Footing;
use super::film::SharedAct;
use super::rounds::Rounds;
use super::source::DemoSource;
use super::view::{CameraPicture, ViewSocket, hold};
use crate::api::Api;

/// Pictures that enrol.
pub(super) const PHOTOS: usize = 3;
/// A look that is older is no live picture.
const FRESH: Duration = Duration::from_secs(5);

/// Everything of one demonstration.
#[derive(Debug)]
pub(super) struct DemoDesk {
    pub(super) access: Mutex<Access>,
    pub(super) started: Instant,
    pub(super) api: Api,
    pub(super) view: ViewSocket,
    pub(super) source: DemoSource,
    pub(super) pack: &'static str,
    pub(super) changed_times: Vec<ChangedTime>,
    /// What drawn people are asked for.
    pub(super) stage: SharedAct,
    pub(super) now: Mutex<DeskState>,
}

/// What changes.
#[derive(Debug)]
pub(super) struct DeskState {
    photos: Vec<RgbImage>,
    enrolled: bool,
    pub(super) rounds: Rounds,
    pub(super) inbox: Vec<InboxAlert>,
}

impl DeskState {
    /// Nobody is enrolled and nothing was played.
    pub(super) fn at_first(footing: Footing) -> Self {
        Self {
            photos: Vec::new(),
            enrolled: false,
            rounds: Rounds::new(footing),
            inbox: Vec::new(),
        }
    }
}

impl DemoDesk {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tries a code.
    pub(super) fn enter(&self, code: &str) -> EntryOutcome {
        let mut token = [0_u8; 32];
        if getrandom::fill(&mut token).is_err() {
            return EntryOutcome::Closed("this machine gives no randomness");
        }
        hold(&self.access).enter(code, trust::sha256_hex(token), self.now_ms())
    }

    /// Whether this cookie is the session's.
    pub(super) fn may(&self, token: &str) -> bool {
        hold(&self.access).holds(token, self.now_ms())
    }

    /// The newest look, while it is one.
    pub(super) fn look(&self) -> Option<CameraPicture> {
        self.view.newest().filter(|look| look.came.elapsed() < FRESH)
    }

    /// All that the page shows beside the picture.
    pub(super) fn state(&self) -> Value {
        let now = hold(&self.now);
        let phase = match (now.enrolled, now.photos.len() >= PHOTOS) {
            (true, _) => "play",
            (false, true) => "agree",
            (false, false) => "enrol",
        };
        let footing = now.rounds.footing;
        let act = |act: &Act| json!({"name": act, "promise": footing.promise(*act)});
        let acts: Vec<Value> = footing.acts().iter().map(act).collect();
        json!({
            "phase": phase, "photos": now.photos.len(), "photos_needed": PHOTOS, "you": demo_clinic::YOU,
            "pack": self.pack, "source": self.source.kind(), "live": self.source.is_live(),
            "looking": self.look().is_some(), "server": self.api.base(),
                "changed_times": self.changed_times,
            "footing": footing, "acts": acts, "free": now.rounds.is_free(),
                "round": now.rounds.shown(&now.inbox), "inbox": now.inbox,
        })
    }

    /// Takes a photograph; a good one is held for the enrolment.
    pub(super) fn photograph(&self) -> Result<(Value, Option<RgbPixels>)> {
        if hold(&self.now).photos.len() >= PHOTOS {
            bail!("照片已够 {PHOTOS} 张 · {PHOTOS} photographs are enough");
        }
        let (photograph, taken) = self.view.photograph()?;
        let mut now = hold(&self.now);
        let good = taken.clone().filter(|_| photograph.good);
        now.photos.extend(
            good.and_then(|taken| RgbImage::from_raw(taken.width, taken.height, taken.rgb)),
        );
        let about = json!({
            "good": photograph.good, "face_px": photograph.face_px, "zh": photograph.zh,
                "en": photograph.en,
            "photos": now.photos.len(),
        });
        Ok((about, taken))
    }

    pub(super) fn drop_photos(&self) {
        hold(&self.now).photos.clear();
    }

    /// Enrols you as the clinic's lead, with your consent alone.
    pub(super) fn enrol(&self, agreed: bool) -> Result<()> {
        if !agreed {
            bail!("没有本人同意不得采集 · without your consent nobody is enrolled");
        }
        let photos = hold(&self.now).photos.clone();
        if photos.len() < PHOTOS {
            bail!("请先拍 {PHOTOS} 张照片 · take {PHOTOS} photographs first");
        }
        demo_clinic::enrol(&self.api, demo_clinic::YOU, &photos)?;
        let mut now = hold(&self.now);
        // The server has the templates, and nobody needs the pictures any more.
        now.photos.clear();
        now.enrolled = true;
        Ok(())
    }

    /// Begins an act: its session is declared.
    pub(super) fn begin(&self, act: Act) -> Result<()> {
        let mut now = hold(&self.now);
        if !now.enrolled {
            bail!("请先登记 · enrol yourself first");
        }
        if !now.rounds.is_free() {
            bail!("上一场尚未结束 · the last act is not over yet");
        }
        if !now.rounds.footing.acts().contains(&act) {
            bail!("录像不能演这一场，请用摄像头 · a recording cannot play this act: use a camera");
        }
        let DeskState { rounds, inbox, .. } = &mut *now;
        rounds.begin(&self.api, act, inbox)?;
        *hold(&self.stage) = now.rounds.act_on_stage();
        Ok(())
    }

    /// Lets time pass, and notes what is seen. Called a few times in a second.
    pub(super) fn tick(&self) -> Result<()> {
        let look = self.look();
        let mut now = hold(&self.now);
        if let Some(look) = look {
            now.rounds.saw(&look.sight);
        }
        let DeskState { rounds, inbox, .. } = &mut *now;
        rounds.tick(&self.api, &self.source, inbox)?;
        *hold(&self.stage) = now.rounds.act_on_stage();
        Ok(())
    }

    /// Asks the server what its inbox holds: after each of its events.
    pub(super) fn refresh(self: &Arc<Self>) -> Result<()> {
        let inbox = demo_clinic::inbox(&self.api)?;
        hold(&self.now).inbox = inbox;
        Ok(())
    }
}
