//! A checklist as a table: the column words are `XLSForm`'s (`type`, `name`, `label`, `hint`,
//! `required`, `relevant`, `constraint`), with our own beside. Pure: rows in, a checklist or every
//! row's fault out.
//!
//! `XPath` is not supported. `relevant` is `${code} = 'yes'` (or `no`, `na`); `constraint` is
//! `. >= 0`, `. <= 9` or both with `and`; anything else is refused by its line.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::checklist::{Basis, Checklist, ChecklistItem, Relevant};
use super::{AnswerKind, FactQuery, YesNoNa};
use crate::clock::clip;
use crate::text::{self, listed};

/// Questions of one checklist, at most.
pub const MOST_ITEMS: usize = 300;

pub const COLUMNS: [&str; 12] = [
    "type",
    "name",
    "label",
    "hint",
    "required",
    "relevant",
    "constraint",
    "level1",
    "level2",
    "basis",
    "fact",
    "severity_if_no",
];

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RowFault {
    pub line: u64,
    /// Empty where the whole row is meant.
    pub column: String,
    pub text: String,
}

/// Everything of a checklist but its questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub code: String,
    pub version: u32,
    pub jurisdiction: String,
    pub title: String,
    pub effective_from: Date,
}

/// Reads a table; the first row names the columns.
pub fn read(head: Head, rows: &[(u64, Vec<String>)]) -> Result<Checklist, Vec<RowFault>> {
    let whole = |line, text: String| vec![RowFault { line, column: String::new(), text }];
    let Some(((first, names), rows)) = rows.split_first() else {
        let why = format!("the file is empty; its columns are {}", COLUMNS.join(", "));
        return Err(whole(1, why));
    };
    let order = order(names).map_err(|why| whole(*first, why))?;
    let (mut items, mut faults): (Vec<ChecklistItem>, Vec<RowFault>) = (Vec::new(), Vec::new());
    for (line, cells) in rows {
        let cell = |name: &str| {
            let at = order.iter().position(|column| *column == name);
            at.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim())
        };
        match item(&cell).and_then(|item| in_its_place(item, &items)) {
            Ok(item) => items.push(item),
            Err((column, text)) => {
                faults.push(RowFault { line: *line, column: column.to_owned(), text });
            }
        }
    }
    if rows.is_empty() || rows.len() > MOST_ITEMS {
        faults.extend(whole(*first, format!("1 to {MOST_ITEMS} questions are needed")));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let Head { code, version, jurisdiction, title, effective_from } = head;
    Ok(Checklist { code, version, jurisdiction, title, effective_from, items })
}

fn order(names: &[String]) -> Result<Vec<&'static str>, String> {
    let mut order = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let known = COLUMNS.iter().find(|column| **column == name).ok_or_else(|| {
            format!("column `{}` is unknown; they are {}", clip(name, 40), COLUMNS.join(", "))
        })?;
        if order.contains(known) {
            return Err(format!("column `{known}` stands twice"));
        }
        order.push(*known);
    }
    for needed in ["type", "name", "label"] {
        if !order.contains(&needed) {
            return Err(format!("the column `{needed}` is missing"));
        }
    }
    Ok(order)
}

type Wrong = (&'static str, String);

fn item<'a>(cell: &impl Fn(&str) -> &'a str) -> Result<ChecklistItem, Wrong> {
    let line = |column: &'static str, most: usize| {
        text::line(column, cell(column), most).map_err(|why| (column, without(column, &why)))
    };
    let code = cell("name");
    let is_code = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if code.is_empty() || code.len() > 40 || !code.bytes().all(is_code) {
        return Err(("name", "use 1 to 40 of a-z, 0-9, - and _".to_owned()));
    }
    line("label", 400)?;
    let answer = kind(cell("type")).ok_or_else(|| {
        let shown = clip(cell("type"), 40);
        ("type", format!("`{shown}`: use select_one yes_no_na, integer or date"))
    })?;
    let fact = match cell("fact") {
        "" => None,
        word => Some(listed::<FactQuery>("fact", word).map_err(|w| ("fact", without("fact", &w)))?),
    };
    if fact.is_some() && answer != AnswerKind::YesNoNa {
        return Err(("fact", "only a question of yes or no is held against records".to_owned()));
    }
    let severity_if_no = match cell("severity_if_no") {
        "" => 1,
        "0" | "1" | "2" | "3" => cell("severity_if_no").parse().unwrap_or(1),
        _ => return Err(("severity_if_no", "use 0, 1, 2 or 3".to_owned())),
    };
    let required = match cell("required") {
        "" | "no" | "false" => false,
        "yes" | "true" => true,
        _ => return Err(("required", "use yes or no".to_owned())),
    };
    let (least, most) = constraint(cell("constraint"))?;
    Ok(ChecklistItem {
        code: code.to_owned(),
        level1: cell("level1").to_owned(),
        level2: cell("level2").to_owned(),
        requirement: cell("label").to_owned(),
        hint: clip(cell("hint"), 400),
        basis: basis(cell("basis"))?,
        relevant: relevant(cell("relevant"))?,
        answer,
        required,
        least,
        most,
        fact,
        severity_if_no,
    })
}

/// A fault of the text library begins with the column's name; here it stands beside.
fn without(column: &str, why: &str) -> String {
    why.strip_prefix(&format!("{column}: ")).unwrap_or(why).to_owned()
}

fn in_its_place(item: ChecklistItem, before: &[ChecklistItem]) -> Result<ChecklistItem, Wrong> {
    if before.iter().any(|other| other.code == item.code) {
        return Err(("name", format!("`{}` stands twice", item.code)));
    }
    let known = |code: &str| {
        before.iter().any(|other| other.code == code && other.answer == AnswerKind::YesNoNa)
    };
    match &item.relevant {
        Some(it) if !known(&it.item) => {
            let why = format!("`{}` is no question of yes or no further up", clip(&it.item, 40));
            Err(("relevant", why))
        }
        _ => Ok(item),
    }
}

fn kind(word: &str) -> Option<AnswerKind> {
    match word {
        "select_one yes_no_na" => Some(AnswerKind::YesNoNa),
        "integer" => Some(AnswerKind::Number),
        "date" => Some(AnswerKind::Date),
        _ => None,
    }
}

fn relevant(cell: &str) -> Result<Option<Relevant>, Wrong> {
    if cell.is_empty() {
        return Ok(None);
    }
    let wrong = || ("relevant", "use ${code} = 'yes'; XPath is not supported".to_owned());
    let (item, word) = cell.split_once('=').ok_or_else(wrong)?;
    let item = item.trim().strip_prefix("${").and_then(|t| t.strip_suffix('}'));
    let word = word.trim().strip_prefix('\'').and_then(|t| t.strip_suffix('\''));
    let (item, word) = item.zip(word).ok_or_else(wrong)?;
    let answer = listed::<YesNoNa>("relevant", word).map_err(|_| wrong())?;
    Ok(Some(Relevant { item: item.to_owned(), answer }))
}

fn constraint(cell: &str) -> Result<(Option<i64>, Option<i64>), Wrong> {
    let (mut least, mut most) = (None, None);
    if cell.is_empty() {
        return Ok((least, most));
    }
    for part in cell.split(" and ") {
        let part = part.trim().strip_prefix('.').map(str::trim_start).unwrap_or_default();
        let bound = |sign: &str| part.strip_prefix(sign).and_then(|n| n.trim().parse().ok());
        match (bound(">="), bound("<=")) {
            (Some(number), _) => least = Some(number),
            (_, Some(number)) => most = Some(number),
            _ => {
                let why = "use . >= 0, . <= 9 or both with `and`; XPath is not supported";
                return Err(("constraint", why.to_owned()));
            }
        }
    }
    Ok((least, most))
}

/// `law|article|edition|grade`, several divided by `;`. A duty of the agreement alone has the word
/// `agreement` in the place of a grade.
fn basis(cell: &str) -> Result<Vec<Basis>, Wrong> {
    let one = |text: &str| {
        let parts: Vec<&str> = text.split('|').map(str::trim).collect();
        let [law, article, edition, grade] = parts[..] else {
            return Err(("basis", "use law|article|edition|grade, divided by ;".to_owned()));
        };
        let grade = match grade {
            "full_text" => Some(law::Grade::FullText),
            "excerpt" => Some(law::Grade::Excerpt),
            "derived" => Some(law::Grade::Derived),
            "memory" => Some(law::Grade::Memory),
            "agreement" => None,
            other => {
                let shown = clip(other, 40);
                let why = format!(
                    "`{shown}`: use full_text, excerpt, derived, memory or \
                    agreement"
                );
                return Err(("basis", why));
            }
        };
        let text = |t: &str| clip(t, 200);
        Ok(Basis { law: text(law), article: text(article), edition: text(edition), grade })
    };
    cell.split(';').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

/// The shipped list for medical cosmetology, as its table.
pub const SHIPPED_TABLE: &str = include_str!("../../../data/checklist-medical-cosmetology.csv");
pub const SHIPPED_CODE: &str = "medical-cosmetology";
pub const SHIPPED_TITLE: &str = "医疗美容机构依法执业自查表";

#[cfg(test)]
pub fn rows(csv: &str) -> Vec<(u64, Vec<String>)> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv.as_bytes());
    let cells = |r: csv::StringRecord| r.iter().map(str::to_owned).collect();
    reader.records().enumerate().map(|(n, r)| (n as u64 + 1, cells(r.unwrap()))).collect()
}

/// The shipped list as version 1 of everywhere.
#[cfg(test)]
pub fn shipped() -> Checklist {
    let head = Head {
        code: SHIPPED_CODE.to_owned(),
        version: 1,
        jurisdiction: String::new(),
        title: SHIPPED_TITLE.to_owned(),
        effective_from: jiff::civil::date(2026, 1, 1),
    };
    read(head, &rows(SHIPPED_TABLE)).unwrap()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(csv: &str) -> Vec<(u64, String, String)> {
        let head = Head {
            code: "x".into(),
            version: 1,
            jurisdiction: String::new(),
            title: "x".into(),
            effective_from: jiff::civil::date(2026, 1, 1),
        };
        let found = read(head, &rows(csv)).err().unwrap_or_default();
        found.into_iter().map(|f| (f.line, f.column, f.text)).collect()
    }

    #[test]
    fn the_shipped_list_names_a_basis_for_every_question() {
        let list = shipped();
        assert!(list.items.len() >= 20, "{}", list.items.len());
        for item in &list.items {
            assert!(!item.basis.is_empty() && !item.level2.is_empty(), "{}", item.code);
        }
        let facts: std::collections::BTreeSet<_> =
            list.items.iter().filter_map(|item| item.fact).collect();
        assert_eq!(facts.len(), FactQuery::ALL.len(), "each fact is asked for");
    }

    #[test]
    fn every_rows_fault_is_told_at_once_by_its_line() {
        let found = faults(
            "type,name,label,relevant,constraint,basis\n\
            select_one yes_no_na,a,甲,,,医师法|第十三条|2021|full_text\n\
            select_one yes_no_na,a,乙,,,\n\
            text,b,丙,,,\n\
            integer,c,丁,${z} = 'yes',,\n\
            integer,d,戊,,regex(.),\n\
            date,e,,,,\n\
            date,f,己,,,医师法|第十三条\n",
        );
        let at: Vec<_> = found.iter().map(|f| (f.0, f.1.as_str())).collect();
        let names = ["name", "type", "relevant", "constraint", "label", "basis"];
        assert_eq!(at, (3..9).zip(names).collect::<Vec<_>>(), "{found:?}");
    }

    #[test]
    fn an_unknown_column_is_refused_with_the_list() {
        let found = faults("type,name,label,calculation\n");
        assert!(found[0].2.contains("`calculation`") && found[0].2.contains("severity_if_no"));
        assert!(faults("type,name\n")[0].2.contains("label"));
    }

    proptest! {
        #[test]
        fn no_table_makes_it_fail(cells in proptest::collection::vec(
            proptest::collection::vec("\\PC{0,12}", 0..14), 0..8)) {
            let head = COLUMNS.iter().map(|c| (*c).to_owned()).collect();
            let rows: Vec<_> = std::iter::once(head).chain(cells)
                .enumerate().map(|(n, cells)| (n as u64, cells)).collect();
            let it = Head { code: "x".into(), version: 1, jurisdiction: String::new(),
                title: "x".into(), effective_from: jiff::civil::date(2026, 1, 1) };
            let _ = read(it, &rows);
        }
    }
}
