//! The morning's three reports: a patient's about room 1 at 09:02, one about a room that has no
//! box, and one about an hour in which the box saw that all was well. They go through the public
//! door as people's do, the forms opened while the morning plays; the answer is what the boxes'
//! records say.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::api::Api;
use crate::morning::Playing;

/// A room of the same clinic in which no box stands.
const OTHER_ROOM: &str = "room-2";
/// The scene's day, and the hour of the stranger.
const DAY: &str = "2026-03-02";
/// The youngest form that the door takes is 20 s old.
const FORM_FILLED_IN: Duration = Duration::from_secs(21);
/// In which the stranger goes on.
const SESSION: &str = "s-d";

/// A form that somebody opened.
#[derive(Debug, Clone)]
pub struct ReportForm {
    room: String,
    sign: String,
    ticket: String,
    opened: Instant,
    said: Said,
    expected: &'static str,
}

/// What a report says.
#[derive(Debug, Clone, Copy)]
struct Said {
    allegation: &'static str,
    from: &'static str,
    to: &'static str,
    text: &'static str,
}

const STRANGER: Said = Said {
    allegation: "unlicensed_operator",
    from: "09:02",
    to: "09:06",
    text: "医生走后，一个没有胸牌的人继续操作",
};
/// Within the lawful session of the morning, where the lead is at work.
const LAWFUL: Said =
    Said {
        allegation: "lending", from: "08:32", to: "08:37", text: "听说主诊医师根本不来"
    };

/// Opens the forms by the signs of their rooms; none where the server has no public door.
pub fn open(playing: &Playing) -> Result<Vec<ReportForm>> {
    let Some(door) = &playing.ready.public else { return Ok(Vec::new()) };
    let (api, door) = (&playing.api, Api::new(door));
    let morning = &playing.morning;
    api.post(
        "rooms",
        &json!({"id": OTHER_ROOM, "institution": morning.institution, "name": "二号治疗室",
            "mode": "in_room"}),
    )?;
    let one = |room: &str, said: Said, expected| {
        let sign = between(&api.text(&format!("/rooms/{room}/qr"))?, "/p/r/", "<")?;
        let form = door.text(&format!("/p/report?r={sign}"))?;
        let ticket = between(&form, "name=\"ticket\" value=\"", "\"")?;
        anyhow::Ok(ReportForm {
            room: room.to_owned(),
            sign,
            ticket,
            opened: Instant::now(),
            said,
            expected,
        })
    };
    Ok(vec![
        one(&morning.room, STRANGER, "fits")?,
        one(OTHER_ROOM, STRANGER, "not_watched")?,
        one(&morning.room, LAWFUL, "nothing_like")?,
    ])
}

fn between(text: &str, before: &str, after: &str) -> Result<String> {
    let rest = text.split(before).nth(1).with_context(|| format!("no `{before}` on the page"))?;
    Ok(rest.split(after).next().unwrap_or_default().to_owned())
}

/// Sends them and says what the records answer; an error where that is not what was played.
pub fn send(playing: &Playing, forms: &[ReportForm], say: &mut dyn FnMut(&str)) -> Result<()> {
    let Some(door) = playing.ready.public.as_deref().map(Api::new) else { return Ok(()) };
    let whole = playing.morning.sessions.iter().any(|s| s.id == SESSION);
    for form in forms {
        let (sign, ticket) = (form.sign.as_str(), form.ticket.as_str());
        // The shortest scene is over sooner than the door believes that anybody wrote a report.
        std::thread::sleep(FORM_FILLED_IN.saturating_sub(form.opened.elapsed()));
        door.send_form(
            "/p/report",
            &[
                ("r", sign),
                ("ticket", ticket),
                ("allegation", form.said.allegation),
                ("day", DAY),
                ("from", form.said.from),
                ("to", form.said.to),
                ("text", form.said.text),
            ],
        )?;
        let clue = clue_about(&playing.api, form)?;
        let id = clue["id"].as_str().unwrap_or_default();
        let said = playing.api.get(&format!("clues/{id}/corroboration"))?;
        let rooms = said["rooms"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = rooms.iter().find(|one| one["room"] == *form.room);
        let answer = named.and_then(|one| one["answer"].as_str()).unwrap_or("not_watched");
        say(&format!(
            "report     {} {} · {answer} · all rooms: {} · {}/clues/{id}",
            form.room,
            form.said.from,
            said["zh"].as_str().unwrap_or_default(),
            playing.ready.http
        ));
        if answer != form.expected && (whole || form.expected == "not_watched") {
            bail!("the report about {} is answered {answer}, not {}", form.room, form.expected);
        }
    }
    Ok(())
}

/// What was sent is taken in a moment later.
fn clue_about(api: &Api, form: &ReportForm) -> Result<Value> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let clues = api.get("clues?state=all")?;
        let found = clues["clues"].as_array().and_then(|all| all.iter().find(|c| is_of(c, form)));
        if let Some(found) = found {
            return Ok(found.clone());
        }
        if Instant::now() > deadline {
            bail!("the report about {} did not come in", form.room);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_of(clue: &Value, form: &ReportForm) -> bool {
    clue["room"] == *form.room && clue["allegation"] == form.said.allegation
}
