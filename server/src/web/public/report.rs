//! The report: a form that says what happens next and what will not, read without an account. What
//! it takes is sealed and put in; nothing of it is shown again, to nobody here.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, OriginalUri, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::divisions::divisions;
use super::lookup::value;
use super::page::{PublicFrame, render, shown};
use super::promises::{PublicForm, promise, telling};
use super::ticket::{self, Level, Nonce, Ticket, TicketFault};
use super::{Door, Shared, is_large};
use crate::clock::{self, At, today};
use crate::clue::{Allegation, Anonymity, ClueDetails, PlaceKind, UnregisteredPlace};
use crate::clue_intake::{DoorReport, FromDoor, MOST_TEXT_CHARS, sealed_at_the_door};
use crate::form_reader::{Sent, window, wrong};
use crate::problem::Problem;
use crate::store::PublicInstitution;
use crate::text::{self, listed};
use crate::web::view::messages::line;

#[derive(Template)]
#[template(path = "public_report.html")]
struct ReportPage {
    f: PublicFrame,
    action: String,
    wrong: bool,
    /// Whom it is about, where that is known.
    institution: Option<PublicInstitution>,
    sign: String,
    sent: Sent,
    allegations: Vec<(&'static str, &'static str, bool)>,
    kinds: Vec<(&'static str, &'static str, bool)>,
    /// Code, words, chosen.
    divisions: Vec<(String, String, bool)>,
    today: String,
    ticket: String,
    /// Zero bits that the browser looks for; 0: nothing.
    bits: u32,
    fault: String,
    /// The text holds a telephone or identity number.
    personal: bool,
    most_chars: usize,
    /// What happens by when.
    promise: String,
    /// By when whoever gives a name is told.
    telling: String,
}

fn page(
    door: &Arc<Door>,
    uri: &Uri,
    form: PublicForm,
    sent: Sent,
    level: Level,
    told: (String, bool),
) -> Result<Response, Problem> {
    let f = PublicFrame::of(door, uri);
    let (slug, sign) = (sent.text("i").to_owned(), sent.text("r").to_owned());
    let institution = place_of(door, &slug, &sign)?;
    let list = |words: &[(&'static str, &'static str, &'static str)], chosen: &str| {
        words.iter().map(|w| (w.0, f.l.t(w.1, w.2), w.0 == chosen)).collect()
    };
    let allegations: Vec<_> =
        Allegation::ALL.iter().map(|a| (a.as_str(), a.zh(), a.en())).collect();
    let kinds: Vec<_> = PlaceKind::ALL.iter().map(|k| (k.as_str(), k.zh(), k.en())).collect();
    let now_s = clock::now().as_second();
    // What was waited for already counts.
    let ticket = match sent.text("ticket") {
        kept if ticket::keeps(&door.key, kept, now_s) => kept.to_owned(),
        _ => ticket::issue(&door.key, now_s)?,
    };
    let path = if form == PublicForm::Wrong { "/p/wrong" } else { "/p/report" };
    render(&ReportPage {
        action: f.to(path),
        wrong: form == PublicForm::Wrong,
        allegations: list(&allegations, sent.text("allegation")),
        kinds: list(&kinds, sent.text("place_kind")),
        divisions: if institution.is_none() { divisions(door, &f, &sent)? } else { Vec::new() },
        today: today().to_string(),
        ticket,
        bits: level.bits(),
        fault: told.0,
        personal: told.1,
        most_chars: MOST_TEXT_CHARS,
        promise: promise(f.l, &door.terms, form),
        telling: telling(f.l, &door.terms),
        institution,
        sign,
        sent,
        f,
    })
}

fn place_of(
    door: &Arc<Door>,
    slug: &str,
    sign: &str,
) -> Result<Option<PublicInstitution>, Problem> {
    if !sign.is_empty() {
        return door.ask(|store| store.institution_of_sign(sign));
    }
    if slug.is_empty() { Ok(None) } else { door.ask(|store| store.institution(slug)) }
}

fn empty(asked: &[(String, String)]) -> Sent {
    let kept = ["i", "r", "d"].map(|name| (name.to_owned(), value(asked, name).to_owned()));
    Sent::of_pairs(kept.to_vec())
}

pub(super) async fn form(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Query(asked): Query<Vec<(String, String)>>,
) -> Response {
    let made = page(&door, &uri, PublicForm::Report, empty(&asked), Level(0), Default::default());
    shown(&door, &uri, made)
}

pub(super) async fn wrong_form(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    Query(asked): Query<Vec<(String, String)>>,
) -> Response {
    let made = page(&door, &uri, PublicForm::Wrong, empty(&asked), Level(0), Default::default());
    shown(&door, &uri, made)
}

pub(super) async fn submit(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    let made = take(&door, &uri, PublicForm::Report, form, is_large(&headers)).await;
    shown(&door, &uri, made)
}

pub(super) async fn submit_wrong(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    let made = take(&door, &uri, PublicForm::Wrong, form, is_large(&headers)).await;
    shown(&door, &uri, made)
}

async fn take(
    door: &Arc<Door>,
    uri: &Uri,
    form: PublicForm,
    body: Multipart,
    large: bool,
) -> Result<Response, Problem> {
    let ours = |ticket: &str| ticket::is_ours(&door.key, ticket, clock::now().as_second());
    let (sent, broken) = door.reader.read_stranger(body, large, ours).await?;
    let again = |sent: Sent, level: Level, problem: Problem, personal: bool| {
        let said = line(PublicFrame::of(door, uri).l, problem);
        let mut response = page(door, uri, form, sent, level, (said, personal))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    };
    if let Some(problem) = broken {
        return again(sent, Level(0), problem, false);
    }
    if let Err(problem) = about(&sent, form) {
        return again(sent, Level(0), problem, false);
    }
    if names_somebody(sent.text("text")) && !sent.ticked("sure") {
        let zh = "内容中似乎有电话号码或身份证号：如无必要请删去；确需保留请勾选下方确认后再次提交";
        let en = "the text seems to hold a telephone or identity number: remove it, or confirm \
            below and send again";
        let problem = Problem { zh: Some(zh.into()), ..Problem::unprocessable(en) };
        return again(sent, Level(0), problem, true);
    }
    let place = place_of(door, sent.text("i"), sent.text("r"))?;
    let named = !sent.text("i").is_empty() || !sent.text("r").is_empty();
    if named && place.is_none() {
        // Its receipt would be one of a report that nobody can take in.
        let zh = "该机构的地址已失效：请重新查询后再提交";
        let gone = wrong(zh, "this clinic's address has ended: please search it again");
        return again(sent, Level(0), gone, false);
    }
    let slug = place.as_ref().map_or("", |i| i.slug.as_str());
    let mut report = report_of(&sent, form, slug)?;
    if form == PublicForm::Wrong && !sent.text("d").is_empty() {
        let of = door.ask(|store| store.physician(sent.text("d"), At::now()))?;
        report.about.item_text = of.map(|person| person.name).unwrap_or_default();
    }
    if let Err(fault) = report.check() {
        let zh = "内容无法受理：请核对日期、地址和联系方式";
        let problem = Problem { zh: Some(zh.into()), ..Problem::unprocessable(fault) };
        return again(sent, Level(0), problem, false);
    }
    let nonce = match spend(door, &sent, slug) {
        Ok(nonce) => nonce,
        Err((level, problem)) => return again(sent, level, problem, false),
    };
    let bytes = sent.pictures.iter().map(Vec::len).sum();
    let dropped = bytes > 0 && !has_room_for_pictures(door, bytes);
    if dropped {
        report.pictures.clear();
    }
    let (receipt, new) = put_report_in(door, report, &nonce)?;
    receipt_page(door, uri, form, &receipt, (new, dropped))
}

/// Bytes that may wait at the door before pictures are left out; a report in words always fits.
const MOST_WAITING_BYTES: u64 = 64 << 20;

fn has_room_for_pictures(door: &Door, bytes: usize) -> bool {
    door.queue.bytes() + bytes as u64 <= MOST_WAITING_BYTES && door.limits.may_keep_pictures(bytes)
}

/// What the form's ticket says, where it was spent in time. The crowd is asked once a form: one
/// that is sent early or twice makes nobody else pay.
fn checked(door: &Door, sent: &Sent, slug: &str) -> Result<(Ticket, Level), (Level, TicketFault)> {
    let now_s = clock::now().as_second();
    let check = |level| {
        let checked =
            ticket::check(&door.key, sent.text("ticket"), sent.text("work"), level, now_s);
        checked.map_err(|fault| (level, fault))
    };
    let queued = Level::of_queue(door.queue.reports());
    let level = door.limits.form(check(Level(0))?.nonce.as_str(), slug).max(queued);
    let ticket = check(level)?;
    if level > Level(0) && !ticket.paid && !door.limits.may_go_unpaid() {
        return Err((level, TicketFault::TooYoung(ticket::LEAST_AGE_S)));
    }
    Ok((ticket, level))
}

/// Checks the form's ticket; gives what it is spent by.
fn spend(door: &Door, sent: &Sent, slug: &str) -> Result<Nonce, (Level, Problem)> {
    let say =
        |zh: String, en: String| Problem { zh: Some(zh.into()), ..Problem::unprocessable(en) };
    let (level, fault) = match checked(door, sent, slug) {
        Ok((ticket, _)) => return Ok(ticket.nonce),
        Err(fault) => fault,
    };
    let problem = match fault {
        TicketFault::TooYoung(left_s) if level.0 > 0 => say(
            format!("当前提交较多：请约 {left_s} 秒后再点一次提交，内容已保留"),
            format!(
                "many reports come in now: send again in about {left_s} seconds; what you typed \
                 is kept"
            ),
        ),
        TicketFault::TooYoung(left_s) => say(
            format!("请核对内容，{left_s} 秒后再点一次提交"),
            format!("please look it over, and send again in {left_s} seconds"),
        ),
        TicketFault::TooOld | TicketFault::Unreadable => say(
            "此页面已超过两小时：请核对内容后再点一次提交".to_owned(),
            "this form is older than two hours: please send it once more".to_owned(),
        ),
    };
    Err((level, problem))
}

/// A telephone number, or one of an identity card.
fn names_somebody(text: &str) -> bool {
    let folded = text::nfkc(text);
    let runs = folded.split(|c: char| !(c.is_ascii_digit() || matches!(c, 'x' | 'X')));
    runs.into_iter().any(|run| {
        (run.len() == 11 && run.starts_with('1')) || crate::idcheck::id_card(run).is_ok()
    })
}

/// A field of one line, whatever was sent in it.
pub(super) fn one_line(text: &str, max: usize) -> String {
    clock::clip(&text.replace(char::is_control, " "), max)
}

/// What the form says of the matter.
fn about(sent: &Sent, form: PublicForm) -> Result<(Allegation, ClueDetails), Problem> {
    let length = sent.text("text").chars().count();
    if length == 0 || length > MOST_TEXT_CHARS {
        let zh = "请写明看到的情况（不超过 4000 字）";
        return Err(wrong(zh, "say what was seen, 4000 characters at most"));
    }
    let allegation = match form {
        PublicForm::Wrong => Allegation::RegisterError,
        PublicForm::Report => listed("allegation", sent.text("allegation"))
            .map_err(|_| wrong("请选择反映事项", "choose what it is about"))?,
    };
    let known = !sent.text("i").is_empty() || !sent.text("r").is_empty();
    let named = !sent.text("place_name").is_empty() || !sent.text("place_address").is_empty();
    if !known && !named {
        let zh = "请填写机构或场所的名称或地址";
        return Err(wrong(zh, "name the institution or the place"));
    }
    let place = (!known).then(|| UnregisteredPlace {
        name: one_line(sent.text("place_name"), 100),
        address: one_line(sent.text("place_address"), 200),
        kind: listed("place_kind", sent.text("place_kind")).unwrap_or(PlaceKind::Other),
    });
    let (from_at, to_at, vague) = window(sent)?;
    let anonymity = match (sent.given("contact"), sent.ticked("named")) {
        (None, _) => Anonymity::Anonymous,
        (Some(_), false) => Anonymity::Confidential,
        (Some(_), true) => Anonymity::Named,
    };
    let item_text = match form {
        // Whose page it came from is put in once that page was found.
        PublicForm::Wrong => String::new(),
        PublicForm::Report => one_line(sent.text("item"), 100),
    };
    let window_vague = vague || sent.ticked("vague");
    Ok((allegation, ClueDetails { place, from_at, to_at, window_vague, item_text, anonymity }))
}

fn report_of(sent: &Sent, form: PublicForm, slug: &str) -> Result<DoorReport, Problem> {
    let (allegation, about) = about(sent, form)?;
    Ok(DoorReport {
        slug: Some(slug.to_owned()).filter(|slug| !slug.is_empty()),
        sign: sent.given("r"),
        allegation,
        about,
        text: sent.text("text").to_owned(),
        contact: sent.given("contact").map(|c| one_line(&c, 200)),
        receipt_mac: String::new(),
        pictures: sent.pictures.iter().map(|p| STANDARD.encode(p)).collect(),
        division: sent.text("division").to_owned(),
    })
}

/// Seals a report that was checked, of a form or of a program, and puts it in; gives its receipt.
/// The same form again has the same one, and `false`: what it holds now is not kept.
pub(super) fn put_report_in(
    door: &Arc<Door>,
    report: DoorReport,
    nonce: &Nonce,
) -> Result<(String, bool), Problem> {
    let receipt = ticket::receipt(&door.key, nonce.as_str());
    let receipt_mac = ticket::receipt_mac(&door.key, &receipt).unwrap_or_default();
    let report = FromDoor::Report(Box::new(DoorReport { receipt_mac, ..report }));
    let new = put(door, nonce, &report)?;
    Ok((receipt, new))
}

/// Seals it under its ticket. One that was spent before changes nothing.
pub(super) fn put(door: &Arc<Door>, nonce: &Nonce, it: &FromDoor) -> Result<bool, Problem> {
    let nonce = nonce.as_str();
    let plain = serde_json::to_vec(it).map_err(|error| Problem::internal(&error))?;
    let sealed = trust::seal_bytes(&sealed_at_the_door(nonce), &plain, &door.seal)
        .map_err(|error| Problem::internal(&error))?;
    // A look behind a receipt makes no report dearer.
    if !matches!(it, FromDoor::Visit { .. }) {
        door.queue.add(sealed.len());
    }
    let new = door.ask(|store| store.put_in(nonce, &today().to_string(), &sealed))?;
    door.rang.notify_one();
    Ok(new)
}

#[derive(Template)]
#[template(path = "public_receipt.html")]
struct ReceiptPage {
    f: PublicFrame,
    receipt: String,
    /// False: the form was sent before, and that sending stands.
    new: bool,
    /// There was no room for the pictures.
    dropped: bool,
    promise: String,
}

fn receipt_page(
    door: &Arc<Door>,
    uri: &Uri,
    form: PublicForm,
    receipt: &str,
    (new, dropped): (bool, bool),
) -> Result<Response, Problem> {
    let f = PublicFrame::of(door, uri);
    let promise = promise(f.l, &door.terms, form);
    let page = ReceiptPage { f, receipt: ticket::grouped(receipt), new, dropped, promise };
    Ok((StatusCode::CREATED, render(&page)?).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_people_are_noticed() {
        for text in ["电话13800138000找她", "１３８００１３８０００", "身份证11010519491231002X"]
        {
            assert!(names_somebody(text), "{text}");
        }
        for text in ["花了 13800 元", "上午 9 点 02 分", "病历号 110105194912310021"] {
            assert!(!names_somebody(text), "{text}");
        }
    }
}
