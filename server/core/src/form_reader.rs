//! Reads a form of a report with its pictures, of the public or of a grid worker. Each picture is
//! decoded and encoded anew: what a camera wrote beside it (place, time, device) is gone, its file
//! name is never read, and no code here compares it with a face.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;
use axum::http::StatusCode;
use jiff::ToSpan as _;
use jiff::civil::{Date, Time};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::{self, At, today};
use crate::clue::MOST_PICTURES;
use crate::photo;
use crate::problem::Problem;
use crate::text;

/// One picture of a telephone.
const MOST_PICTURE_BYTES: usize = 12 << 20;
/// A telephone in a cellar.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a form waits until others are read.
const TURN: Duration = Duration::from_secs(10);
/// What is typed in a form, all together, and how many fields there are.
const MOST_TYPED_BYTES: usize = 64 << 10;
const MOST_FIELDS: usize = 64;
/// A form's ticket is shorter.
const MOST_TICKET_BYTES: usize = 200;

/// What a form sent.
#[derive(Debug, Default)]
pub struct Sent {
    fields: BTreeMap<String, String>,
    /// JPEG, encoded here.
    pub pictures: Vec<Vec<u8>>,
}

impl Sent {
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub fn ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    pub fn of_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut pairs = pairs;
        text::tidy_form(&mut pairs);
        Self { fields: pairs.into_iter().collect(), pictures: Vec::new() }
    }
}

fn unreadable(error: &MultipartError) -> Problem {
    let zh = "表单未能读取：文件过大或传输中断，请重试";
    let en = "the form could not be read: it is too large, or the connection broke";
    Problem { zh: Some(zh.into()), ..Problem::new(error.status(), en) }
}

/// How many forms are read, and pictures decoded, at once: both are memory.
#[derive(Debug)]
pub struct FormReader {
    uploads: Semaphore,
    decoding: Semaphore,
}

impl Default for FormReader {
    fn default() -> Self {
        Self { uploads: Semaphore::new(6), decoding: Semaphore::new(1) }
    }
}

impl FormReader {
    /// Reads it; pictures that are none come back as the fault, beside everything that was typed.
    pub async fn read(&self, form: Multipart) -> Result<(Sent, Option<Problem>), Problem> {
        let _room = turn(&self.uploads).await?;
        in_time(self.read_now(form, Sent::default())).await
    }

    /// Of a stranger. A large form shows a ticket that is `ours` in its first field, before it
    /// takes a turn; one without pictures waits for no upload.
    pub async fn read_stranger(
        &self,
        mut form: Multipart,
        large: bool,
        ours: impl Fn(&str) -> bool,
    ) -> Result<(Sent, Option<Problem>), Problem> {
        if !large {
            return in_time(self.read_now(form, Sent::default())).await;
        }
        let ticket = in_time(first_field(&mut form)).await?;
        let Some(ticket) = ticket.filter(|ticket| ours(ticket)) else {
            let zh = "此页面已失效：请重新打开表单后提交";
            return Err(wrong(zh, "this form is none of ours or too old: please open it anew"));
        };
        let _room = turn(&self.uploads).await?;
        let sent = Sent { fields: [("ticket".to_owned(), ticket)].into(), ..Sent::default() };
        in_time(self.read_now(form, sent)).await
    }

    async fn read_now(
        &self,
        mut form: Multipart,
        mut sent: Sent,
    ) -> Result<(Sent, Option<Problem>), Problem> {
        let (mut fault, mut fields, mut typed) = (None, 0, 0);
        while let Some(field) = form.next_field().await.map_err(|e| unreadable(&e))? {
            let name = crate::clock::clip(field.name().unwrap_or_default(), 40);
            let bytes = field.bytes().await.map_err(|e| unreadable(&e))?;
            fields += 1;
            typed += if name == "picture" { 0 } else { bytes.len() };
            if fields > MOST_FIELDS || typed > MOST_TYPED_BYTES {
                return Err(wrong("表单内容过多", "the form holds too much"));
            }
            if name != "picture" {
                let text = String::from_utf8_lossy(&bytes);
                sent.fields.insert(name, text::tidy(&text));
                continue;
            }
            if bytes.is_empty() {
                continue;
            }
            if sent.pictures.len() == MOST_PICTURES || bytes.len() > MOST_PICTURE_BYTES {
                let en = format!("at most {MOST_PICTURES} pictures of 12 MiB each are taken");
                let zh = format!("最多 {MOST_PICTURES} 张图片，每张不超过 12 MiB");
                fault = Some(Problem { zh: Some(zh.into()), ..Problem::unprocessable(en) });
                continue;
            }
            match self.encoded_anew(bytes.to_vec()).await {
                Ok(picture) => sent.pictures.push(picture),
                Err(problem) => fault = Some(problem),
            }
        }
        Ok((sent, fault))
    }

    /// The picture as it was decoded, and nothing of its file.
    async fn encoded_anew(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
        let _turn = self.decoding.acquire().await.map_err(|error| Problem::internal(&error))?;
        let made = tokio::task::spawn_blocking(move || photo::shown(&bytes)).await;
        made.map_err(|error| Problem::internal(&error))?.map_err(|fault| Problem {
            zh: Some(fault.zh().into()),
            ..Problem::unprocessable(fault.en())
        })
    }
}

/// A turn to read, or word that there is none.
async fn turn(uploads: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    if let Ok(room) = tokio::time::timeout(TURN, uploads.acquire()).await {
        return room.map_err(|error| Problem::internal(&error));
    }
    let zh = "当前上传图片的人较多：请稍后再提交，或先不附图片提交";
    let en = "many send pictures now: try again in a moment, or send it without pictures";
    Err(Problem::busy(zh, en, 30))
}

async fn in_time<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(read) => read,
        Err(_) => Err(said(StatusCode::REQUEST_TIMEOUT, "传输超时，请重试", "too slow")),
    }
}

/// The ticket, where the form begins with it.
async fn first_field(form: &mut Multipart) -> Result<Option<String>, Problem> {
    let field = form.next_field().await.map_err(|e| unreadable(&e))?;
    let Some(mut field) = field.filter(|f| f.name() == Some("ticket")) else { return Ok(None) };
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|e| unreadable(&e))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_TICKET_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(text::tidy(&String::from_utf8_lossy(&bytes))))
}

fn said(status: StatusCode, zh: &'static str, en: &'static str) -> Problem {
    Problem { zh: Some(zh.into()), ..Problem::new(status, en) }
}

/// A fault of what was typed, in both languages.
pub fn wrong(zh: &'static str, en: &'static str) -> Problem {
    said(StatusCode::UNPROCESSABLE_ENTITY, zh, en)
}

/// When it was, as a form says it: from, to, and whether that is vague.
pub type FormWindow = (Option<At>, Option<At>, bool);

/// Day and hours as typed; a day alone is the whole day.
pub fn window(sent: &Sent) -> Result<FormWindow, Problem> {
    let Some(day) = sent.given("day") else { return Ok((None, None, true)) };
    let day: Date = day.parse().map_err(|_| wrong("日期无法识别", "the day can not be read"))?;
    if day > today() {
        return Err(wrong("日期在将来", "the day lies ahead"));
    }
    let unread = || wrong("时间无法识别，请写成 09:00", "write the time like 09:00");
    let time =
        |name: &str| sent.given(name).map(|t| t.parse::<Time>()).transpose().map_err(|_| unread());
    let zoned = |at: jiff::civil::DateTime| {
        at.to_zoned(clock::zone()).map(|at| at.timestamp()).map_err(|_| unread())
    };
    let (from, to) = match (time("from")?, time("to")?) {
        (None, _) => {
            let from = zoned(day.at(0, 0, 0, 0))?;
            return Ok((Some(from.into()), Some((from + 24.hours()).into()), true));
        }
        (Some(from), None) => {
            let from = zoned(day.to_datetime(from))?;
            (from, from + 1.hours())
        }
        (Some(from), Some(to)) => (zoned(day.to_datetime(from))?, zoned(day.to_datetime(to))?),
    };
    if to <= from {
        return Err(wrong("结束时间应晚于开始时间", "the end lies before the beginning"));
    }
    Ok((Some(from.into()), Some(to.into()), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pairs: &[(&str, &str)]) -> Sent {
        Sent::of_pairs(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn a_day_alone_is_the_whole_day() {
        let hours = |pairs: &[(&str, &str)]| window(&sent(pairs));
        let day = ("day", "2026-03-02");
        let text = |t: &str| Some(crate::clock::at(t));
        assert_eq!(
            hours(&[day]).unwrap(),
            (text("2026-03-01T16:00:00.000Z"), text("2026-03-02T16:00:00.000Z"), true)
        );
        assert_eq!(
            hours(&[day, ("from", "09:02"), ("to", "09:10")]).unwrap(),
            (text("2026-03-02T01:02:00.000Z"), text("2026-03-02T01:10:00.000Z"), false)
        );
        assert_eq!(hours(&[]).unwrap(), (None, None, true));
        for wrong in [
            vec![("day", "2999-01-01")],
            vec![day, ("from", "10:00"), ("to", "09:00")],
            vec![day, ("from", "nine")],
        ] {
            assert!(hours(&wrong).is_err(), "{wrong:?}");
        }
    }

    /// Nothing that takes a report in can reach the networks that know faces.
    #[test]
    fn no_picture_of_a_report_is_compared_with_a_face() {
        let sources = [
            include_str!("form_reader.rs"),
            include_str!("../../src/web/public.rs"),
            include_str!("../../src/web/public/report.rs"),
            include_str!("../../src/web/api/clues.rs"),
            include_str!("../../src/web/pages/clue_forms.rs"),
            include_str!("clue_intake.rs"),
            include_str!("store/clues.rs"),
        ];
        for source in sources {
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ["vision::", "enrol::", ".engine", "embed", ".faces"] {
                assert!(!code.contains(word), "{word}");
            }
        }
    }
}
