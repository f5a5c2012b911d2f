//! By which ways somebody is told of the own work beyond the pages: what is typed of mailbox, chat
//! robot, digest and quiet hours, checked and kept. A robot's address leaves here sealed alone.

use std::sync::Arc;

use crate::access::Who;
use crate::app::App;
use crate::clock::{At, clip, now};
use crate::ids::AccountId;
use crate::message::Hours;
use crate::notify::personal;
use crate::problem::Problem;
use crate::store::{MessageSetting, Robot, RobotKind};
use crate::web::request::deed;

/// The form of one's own ways; every text may be empty.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(default)]
pub(in crate::web) struct WaysForm {
    pub email: String,
    /// `wecom`, `dingtalk` or empty.
    pub robot: String,
    /// Empty: the address that is kept already.
    pub target: String,
    pub secret: String,
    /// `HH:MM`; empty for at once.
    pub digest_at: String,
    pub quiet_from: String,
    pub quiet_to: String,
    /// `test` sends a message at once.
    pub act: String,
}

/// Minutes of a day.
fn minute(what: &str, text: &str) -> Result<Option<u16>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Problem::unprocessable(format!("{what}: use a time such as 21:30"));
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
    let (hour, minute) = (number(hour)?, number(minute)?);
    if hour > 23 || minute > 59 { Err(wrong()) } else { Ok(Some(hour * 60 + minute)) }
}

fn hours(it: &WaysForm) -> Result<Hours, Problem> {
    let quiet = match (minute("quiet", &it.quiet_from)?, minute("quiet", &it.quiet_to)?) {
        (None, None) => None,
        (Some(from), Some(to)) if from != to => Some((from, to)),
        _ => {
            let why = "quiet: give both times, and two that differ; or none";
            return Err(Problem::unprocessable(why));
        }
    };
    Ok(Hours { digest_at_min: minute("digest", &it.digest_at)?, quiet })
}

/// Checks and keeps somebody's ways; gives how many messages were sent to try them.
pub(in crate::web) async fn keep_ways(
    app: &Arc<App>,
    who: &Who,
    it: WaysForm,
) -> Result<Option<usize>, Problem> {
    let account = super::account::id_of(who)?;
    // The address of a robot is a key: the audit log does not learn it.
    deed::did(format!(
        "own ways of being told: mail {}, robot {}",
        !it.email.is_empty(),
        clip(&it.robot, 20)
    ));
    app.blocking(move |a| {
        if it.act == "test" && !personal::may_test(a, &account, now())? {
            return Err(tried_enough());
        }
        let before = a.store.message_setting(&account)?.unwrap_or_default();
        let setting = MessageSetting {
            email: email(a, it.email.trim())?,
            robot: robot(a, &account, &it, before.robot)?,
            hours: hours(&it)?,
        };
        a.store.put_message_setting(&account, &setting, At::now())?;
        let sent = match it.act.as_str() {
            "test" => Some(personal::test(a, &account, &setting)?),
            _ => None,
        };
        Ok::<_, Problem>(sent)
    })
    .await
}

fn tried_enough() -> Problem {
    let most = personal::TRIALS;
    Problem {
        zh: Some(format!("一小时内已试发 {most} 次：请稍后再试，或不试发直接保存").into()),
        retry_after_s: Some(3600),
        ..Problem::new(
            axum::http::StatusCode::TOO_MANY_REQUESTS,
            format!("{most} messages of trial went out within the hour: wait, or keep it untried"),
        )
    }
}

fn email(a: &App, text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if a.config.outgoing.smtp.is_none() {
        return Err(Problem::unprocessable(
            "email: the configuration names no mail server ([smtp])",
        ));
    }
    text.parse::<lettre::Address>().map(|address| address.to_string()).map_err(|_| {
        Problem::unprocessable("email: one mailbox is needed, such as duty@example.cn")
    })
}

/// An address that was kept stands where none was typed.
fn robot(
    a: &App,
    account: &AccountId,
    it: &WaysForm,
    before: Option<Robot>,
) -> Result<Option<Robot>, Problem> {
    let kind = match it.robot.as_str() {
        "" => return Ok(None),
        "wecom" => RobotKind::Wecom,
        "dingtalk" => RobotKind::Dingtalk,
        _ => return Err(Problem::unprocessable("robot: use wecom or dingtalk")),
    };
    let target = it.target.trim();
    if target.is_empty() {
        let kept = before.filter(|robot| robot.kind == kind);
        let needed = || Problem::unprocessable("target: the robot's webhook address is needed");
        return kept.map(Some).ok_or_else(needed);
    }
    a.config.outgoing.allows(target).map_err(Problem::unprocessable)?;
    let seal = |what: &str, text: &str| {
        let sealed = a.master.seal(&personal::sealed_label(account, what), text.as_bytes());
        sealed.map_err(|e| Problem::internal(&e))
    };
    let secret = it.secret.trim();
    let secret = (kind == RobotKind::Dingtalk && !secret.is_empty())
        .then(|| seal("secret", secret))
        .transpose()?;
    Ok(Some(Robot { kind, target: seal("target", target)?, secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_two_times_of_a_day_or_none() {
        let form = |digest: &str, from: &str, to: &str| WaysForm {
            digest_at: digest.into(),
            quiet_from: from.into(),
            quiet_to: to.into(),
            ..WaysForm::default()
        };
        let it = hours(&form("09:05", "22:00", "07:30")).unwrap();
        assert_eq!((it.digest_at_min, it.quiet), (Some(545), Some((1320, 450))));
        assert_eq!(hours(&form("", "", "")).unwrap(), Hours::default());
        for (digest, from, to) in [
            ("24:00", "", ""),
            ("9", "", ""),
            ("", "22:00", ""),
            ("", "22:00", "22:00"),
            ("-1:5", "", ""),
        ] {
            assert!(hours(&form(digest, from, to)).is_err(), "{digest} {from} {to}");
        }
    }
}
