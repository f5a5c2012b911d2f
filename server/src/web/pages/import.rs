//! Tables in and out by page: choose a table, paste or upload it, look at every row's fault, then
//! store it.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Multipart, State};
use axum::response::Response;

use super::frame::{PageFrame, line, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::api::bulk::{self, MOST_BYTES, Noun, Remark, Report, Wish};
use crate::web::csv;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::BULK;
use crate::web::table_file::{self, Encoding, ReadAs, UnreadTable};
use crate::web::view::messages::chinese;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/import", page).roles(BULK),
        Endpoint::form("/import", submit).roles(BULK).audited().body_limit(MOST_BYTES + 65_536),
    ]
}

/// Faults shown; the count says how many there are.
const MOST_SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    f: PageFrame,
    /// Name, words, columns, chosen.
    nouns: Vec<(&'static str, &'static str, String, bool)>,
    text: String,
    fault: String,
    report: Option<Report>,
    faults: Vec<Remark>,
    more: usize,
    near_ids: bool,
    /// How the file was read.
    read_as: String,
    /// Its first rows, where its letters had to be guessed.
    first_rows: Vec<String>,
    /// It was to be stored, and waits until somebody has looked at its letters.
    held: bool,
    /// The text was made of a spreadsheet's cells.
    workbook: bool,
    /// Readings of one file to choose from: which letters, the text, its first rows.
    readings: Vec<Reading>,
}

struct Reading {
    letters: &'static str,
    text: String,
    rows: Vec<String>,
}

/// Rows of a reading that are shown.
const READING_ROWS: usize = 4;

/// What the form sent.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one box or button of the form")]
struct Given {
    noun: String,
    text: String,
    /// The file that was chosen, until it is read.
    upload: Option<Bytes>,
    /// How it was read.
    read_as: Option<ReadAs>,
    /// Its text in each encoding that may be meant.
    readings: Vec<(Encoding, String)>,
    store: bool,
    /// Ids that are close to others are meant so.
    near_ids: bool,
    /// The text was made of a spreadsheet's cells.
    workbook: bool,
    /// What was to be stored is shown first: its letters were guessed.
    held: bool,
}

impl Given {
    /// Its letters were told by its bytes alone, and may be others.
    fn is_guessed(&self) -> bool {
        matches!(self.read_as, Some(ReadAs::Text(Encoding::Gb18030 | Encoding::Utf16, _)))
    }
}

fn words(l: Lang, noun: Noun) -> &'static str {
    match noun {
        Noun::Institutions => l.t("机构", "Institutions"),
        Noun::Practitioners => l.t("执业人员", "Practitioners"),
        Noun::Rooms => l.t("诊室", "Rooms"),
        Noun::Items => l.t("项目目录", "Item catalogue"),
        Noun::Sessions => l.t("诊疗活动", "Sessions"),
    }
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, Given::default(), Ok(None)).await;
    shown(&app, &who, l, made).await
}

async fn submit(State(app): State<Arc<App>>, who: Who, l: Lang, form: Multipart) -> Response {
    let made = match read(form).await {
        Ok(mut given) => {
            let outcome = take(&app, &who, l, &mut given).await;
            make(&app, &who, l, given, outcome.map(Some)).await
        }
        Err(problem) => make(&app, &who, l, Given::default(), Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}

/// A file that was chosen goes before what stands in the field.
async fn read(mut form: Multipart) -> Result<Given, Problem> {
    let unreadable = |_| {
        Problem::unprocessable(format!(
            "the form could not be read, or is larger than {} MiB",
            MOST_BYTES >> 20
        ))
    };
    let mut given = Given::default();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unreadable)?;
        if name == "file" {
            given.upload = Some(bytes).filter(|bytes| !bytes.is_empty());
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match name.as_str() {
            "noun" => given.noun = text,
            "text" => given.text = text,
            "near_ids" => given.near_ids = true,
            "workbook" => given.workbook = true,
            "act" => given.store = text == "store",
            _ => {}
        }
    }
    Ok(given)
}

/// The file as the text of the field; nothing else of it is kept.
fn text_of(upload: &[u8], noun: Noun) -> Result<(String, ReadAs), UnreadTable> {
    let file = table_file::read(upload, None, bulk::most(noun), bulk::words::is_ours)?;
    Ok((csv::written(&file.records), file.read_as))
}

async fn understand(
    app: &Arc<App>,
    l: Lang,
    given: &mut Given,
    upload: &[u8],
    noun: Noun,
) -> Result<(), Problem> {
    let _turn = app.table_turn().await?;
    match app.blocking(|_| Ok::<_, Problem>(text_of(upload, noun))).await? {
        Ok((text, read_as)) => {
            given.text = text;
            given.read_as = Some(read_as);
            given.workbook = read_as == ReadAs::Xlsx;
            Ok(())
        }
        Err(UnreadTable::Fault(why)) => Err(Problem::unprocessable(why)),
        Err(UnreadTable::Either(readings)) => {
            given.readings = readings;
            let why = l.t(
                "无法确定此文件的文字编码：请在下方选择文字正确的一种；\
                都不正确时，请另存为 XLSX 或 CSV UTF-8",
                "nothing in the file says how its letters are written: choose the reading that is \
                right; if none is, save the file as XLSX or CSV UTF-8",
            );
            Err(Problem::unprocessable(why))
        }
    }
}

async fn take(app: &Arc<App>, who: &Who, l: Lang, given: &mut Given) -> Result<Report, Problem> {
    let noun = Noun::parse(&given.noun).filter(|n| bulk::may(who, *n));
    let noun = noun.ok_or_else(|| Problem::unprocessable(l.t("请选择表格", "choose a table")))?;
    if let Some(upload) = given.upload.take() {
        understand(app, l, given, &upload, noun).await?;
        given.held = given.store && given.is_guessed();
    }
    let (near_ids, encoding) = (given.near_ids, Some(Encoding::Utf8));
    let dry_run = !given.store || given.held;
    let wish = Wish { dry_run, near_ids, encoding, workbook: given.workbook };
    bulk::import(app, who, noun, given.text.clone().into_bytes(), wish, String::new()).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    given: Given,
    outcome: Result<Option<Report>, Problem>,
) -> Result<Response, Problem> {
    let nouns = Noun::ALL.into_iter().filter(|n| bulk::may(who, *n));
    let columns = |n| bulk::workbook::heading(l, n).join(l.t("、", ", "));
    let nouns =
        nouns.map(|n| (n.name(), words(l, n), columns(n), n.name() == given.noun)).collect();
    let (mut report, fault) = match outcome {
        Ok(report) => (report, String::new()),
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        Err(problem) => (None, in_column_words(l, Noun::parse(&given.noun), line(l, problem))),
    };
    let mut faults = report.as_mut().map(|r| std::mem::take(&mut r.faults)).unwrap_or_default();
    let more = faults.len().saturating_sub(MOST_SHOWN);
    faults.truncate(MOST_SHOWN);
    let noun = Noun::parse(&given.noun);
    for fault in &mut faults {
        let words = column_words(l, noun, &fault.column);
        fault.text = fault_words(l, &fault.column, &words, std::mem::take(&mut fault.text));
        fault.column = words;
    }
    let first_rows = if given.is_guessed() { first_rows(&given.text) } else { Vec::new() };
    let stored = report.as_ref().is_some_and(|r| r.stored);
    let text = if stored { String::new() } else { given.text };
    let Given { near_ids, workbook, held, .. } = given;
    let read_as = given.read_as.map(|read_as| read_words(l, read_as)).unwrap_or_default();
    let readings = given.readings.into_iter().map(|(kind, text)| reading(kind.name(), text));
    let readings = readings.collect();
    let f = PageFrame::of(app, who, l, "registry", "/import").await?;
    render(&ImportPage {
        f,
        nouns,
        text,
        fault,
        report,
        faults,
        more,
        near_ids,
        read_as,
        first_rows,
        held,
        workbook,
        readings,
    })
}

fn reading(letters: &'static str, text: String) -> Reading {
    Reading { letters, rows: first_rows(&text), text }
}

fn first_rows(text: &str) -> Vec<String> {
    text.lines().take(READING_ROWS).map(|row| crate::clock::clip(row, 120)).collect()
}

/// A fault that lists a table's columns calls them as the reader does.
fn in_column_words(l: Lang, noun: Option<Noun>, fault: String) -> String {
    let Some(noun) = noun.filter(|_| l == Lang::Zh) else { return fault };
    let listed = bulk::workbook::heading(l, noun).join("、");
    let fault = fault.replace(&noun.head(), &listed);
    fault.replace(&format!("表 {} 的", noun.name()), &format!("表“{}”的", words(l, noun)))
}

/// A cell's fault in the reader's language: as it stands, or as it is said of a field.
fn fault_words(l: Lang, column: &str, words: &str, text: String) -> String {
    if l == Lang::En {
        return text;
    }
    let of_field = || chinese(&format!("{column}: {text}"));
    let said = chinese(&text).or_else(of_field);
    said.map_or(text, |said| said.replace(&format!("“{column}”"), &format!("“{words}”")))
}

fn read_words(l: Lang, read_as: ReadAs) -> String {
    let (encoding, separator) = match read_as {
        ReadAs::Xlsx => {
            return l.t("Excel 工作簿（首个工作表）", "XLSX, its first sheet").to_owned();
        }
        ReadAs::Text(encoding, separator) => (encoding, separator),
    };
    let divided = match separator {
        '\t' => l.t("制表符分隔", "divided by tabs"),
        ';' => l.t("分号分隔", "divided by semicolons"),
        _ => l.t("逗号分隔", "divided by commas"),
    };
    format!("{} · {divided}", encoding.name())
}

/// A column as the reader's language calls it.
fn column_words(l: Lang, noun: Option<Noun>, column: &str) -> String {
    let known = noun.and_then(|noun| {
        let names = noun.column_names();
        let name = names.into_iter().find(|name| *name == column)?;
        Some(bulk::words::chinese(noun, name)).filter(|_| l == Lang::Zh)
    });
    known.map_or_else(|| column.to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lists_the_columns_in_chinese() {
        let said = Problem::unprocessable(format!(
            "line 1: column `颜色` is unknown; the columns of rooms are {}",
            Noun::Rooms.head()
        ));
        let said = in_column_words(Lang::Zh, Some(Noun::Rooms), line(Lang::Zh, said));
        assert!(
            said.starts_with("第 1 行：没有名为“颜色”的列（表“诊室”的列为 诊室编号、"),
            "{said}"
        );
    }

    #[test]
    fn a_cells_fault_is_said_in_chinese() {
        for (column, text, wanted) in [
            ("licence_until", "`x` is no day such as 2028-12-31", "“x”不是日期，应如 2028-12-31"),
            ("name", "holds a line break: write it in one line", "含有换行：请写成一行"),
            ("surgery_grade", "use 1 to 4, or leave it out", "手术级别应为 1 至 4 级，或留空"),
            (
                "room",
                "use 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit",
                "“诊室编号”应为 1 至 64 个字母、数字或 . _ -，并以字母或数字开头",
            ),
        ] {
            let words = column_words(Lang::Zh, Some(Noun::Sessions), column);
            assert_eq!(fault_words(Lang::Zh, column, &words, text.to_owned()), wanted);
            assert_eq!(fault_words(Lang::En, column, column, text.to_owned()), text);
        }
    }
}
