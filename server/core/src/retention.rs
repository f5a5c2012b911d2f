//! Who is kept how long (P8, P9, P11), and the clockwork that deletes: a table of jobs, run every
//! hour.
//!
//! Every time here is an engineering default [D] that the configuration sets. Frames are never
//! stored; of pictures a server holds sealed ones alone, while their opening lasts (P6). The audit
//! log is not in the table: nothing deletes from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::clock::{self, At};
use crate::config::RetentionTimes;
use crate::low_priority;
use crate::store::StoreError;

/// Between two runs.
pub const EVERY: Duration = Duration::from_hours(1);

/// One row of the schedule.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub name: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    /// The requirement that asks for it.
    pub basis: &'static str,
    pub key: &'static str,
    hours: fn(&RetentionTimes) -> i64,
}

impl Job {
    /// How long it leaves things alone.
    pub fn hours(&self, times: &RetentionTimes) -> i64 {
        (self.hours)(times)
    }
}

/// Every job, as the page shows them.
pub const JOBS: [Job; 10] = [
    Job {
        name: "dismissed",
        zh: "已驳回线索中的人员与说明（签名记录仍在链中，仅凭案号与事由查阅）",
        en: "Persons and words of dismissed leads (the signed record stays in the chain, read by \
            case and reason alone)",
        basis: "P8",
        key: "retention.dismissed_h",
        hours: |t| t.dismissed_h,
    },
    Job {
        name: "decisions",
        zh: "已驳回线索的决定记录：何人、何时、理由、规则、诊室(不含人员)",
        en: "Decisions about dismissed leads: who, when, reason, rule, room (no person)",
        basis: "P8",
        key: "",
        hours: |_| 3 * 366 * 24,
    },
    Job {
        name: "undecided",
        zh: "未审核的采集申请：照片与模板连同密钥销毁",
        en: "Undecided enrolment proposals: photographs and templates, destroyed with their key",
        basis: "P8, P9",
        key: "retention.undecided_days",
        hours: |t| t.undecided_days * 24,
    },
    Job {
        name: "openings",
        zh: "已放行的封存画面：72 小时后删除密文与交接的密钥之半",
        en: "Sealed pictures that were released: ciphertext and handed halves, 72 hours after \
            delivery",
        basis: "P7, P8",
        key: "",
        hours: |_| 72,
    },
    Job {
        name: "superseded",
        zh: "更换模型后旧模型的人脸模板",
        en: "Face templates of an earlier model, after a change of the pack",
        basis: "P8, P9",
        key: "",
        hours: |_| 30 * 24,
    },
    Job {
        name: "presence",
        zh: "执业人员在场记录",
        en: "Sightings of registered practitioners",
        basis: "P8, P15",
        key: "retention.presence_days",
        hours: |t| t.presence_days * 24,
    },
    Job {
        name: "clues",
        zh: "已办结举报线索的内容、图片和联系方式：连同密钥销毁，办理记录保留",
        en: "Text, pictures and contact of clues that are over, destroyed with their key; what was \
            done with them stays",
        basis: "P8",
        key: "retention.clue_days",
        hours: |t| t.clue_days * 24,
    },
    Job {
        name: "quarantine",
        zh: "被拒收的消息",
        en: "Messages that were refused",
        basis: "P8",
        key: "retention.quarantine_days",
        hours: |t| t.quarantine_days * 24,
    },
    Job {
        name: "deliveries",
        zh: "已完成的通知记录",
        en: "Notifications that were made or given up",
        basis: "P8",
        key: "",
        hours: |_| 90 * 24,
    },
    Job {
        name: "access",
        zh: "过期的登录、邀请与接口令牌",
        en: "Logins, invitations and API tokens that ran out",
        basis: "P8",
        key: "",
        hours: |_| 24,
    },
];

/// How often is looked whether a run is due.
const ROUND: Duration = Duration::from_secs(5);

/// Runs until the server stops; once where this server takes the lead, then every hour.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    let mut last = None;
    loop {
        if !low_priority::next_round(&mut tick, &mut stopping).await {
            return;
        }
        let Some(epoch) = app.leader.epoch() else { continue };
        if last.is_some_and(|(of, at): (_, Instant)| of == epoch && at.elapsed() < EVERY) {
            continue;
        }
        last = Some((epoch, Instant::now()));
        match app.leading(|a| round(a, clock::now())).await {
            Ok(Some(removed)) if removed > 0 => {
                tracing::info!(removed, "retention: deleted what has had its time");
            }
            Ok(_) => {}
            Err(problem) => {
                tracing::error!("retention: not everything was deleted: {}", problem.detail);
            }
        }
    }
}

/// Every job once; gives how much was removed in all.
pub fn round(app: &App, now: Timestamp) -> Result<usize, StoreError> {
    let mut removed = 0;
    for job in JOBS {
        let before = At::from(now - SignedDuration::from_hours(job.hours(&app.config.retention)));
        let done = one(app, &job, before, now)?;
        app.store.retention_ran(job.name, now.into(), done)?;
        removed += done;
    }
    count_faces(app, now)?;
    Ok(removed)
}

/// 人脸办法 15 counts from the day on which 100,000 people are stored: nobody enters it by hand.
pub fn count_faces(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let today = now.to_zoned(clock::zone()).date();
    if app.store.note_faces_stored(app.faces.persons()?, today, now.into())? {
        tracing::warn!("the faces of 100,000 people are stored: file within 30 working days");
    }
    Ok(())
}

fn one(app: &App, job: &Job, before: At, at: Timestamp) -> Result<usize, StoreError> {
    let now = At::from(at);
    match job.name {
        "dismissed" => app.store.strike_dismissed(before, now),
        "decisions" => app.store.forget_decisions(before),
        "openings" => app.store.expire_openings(at),
        "undecided" => Ok(app.faces.forget_undecided(before, now)?.len()),
        "superseded" => app.faces.forget_superseded(before),
        "presence" => app.store.forget_presence(before),
        "clues" => app.store.forget_clues(before, now),
        "quarantine" => app.store.forget_quarantine(before),
        "deliveries" => {
            Ok(app.store.forget_messages(before)? + app.store.forget_deliveries(before)?)
        }
        _ => app.store.forget_access(now, before),
    }
}
