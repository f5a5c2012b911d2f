//! Tables as XLSX workbooks: every cell is text, so that no spreadsheet takes leading zeros or the
//! end of a long number away.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::Noun;
use super::sheet;
use super::words;
use crate::web::view::words::Lang;

const WIDTH_CHARS: f64 = 22.0;

/// What the columns of a noun are called.
pub(in crate::web) fn heading(l: Lang, noun: Noun) -> Vec<&'static str> {
    let names = noun.column_names().into_iter();
    names.map(|name| if l == Lang::Zh { words::chinese(noun, name) } else { name }).collect()
}

/// The same rows are the same bytes: the file says no time of its making.
fn new_book() -> Result<Workbook, XlsxError> {
    let mut book = Workbook::new();
    let no_time = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&no_time));
    Ok(book)
}

fn fill(sheet: &mut Worksheet, head: &[&str], rows: &[Vec<String>]) -> Result<(), XlsxError> {
    let text = Format::new().set_num_format("@");
    let bold = Format::new().set_bold().set_num_format("@");
    for (column, name) in (0..).zip(head) {
        sheet.set_column_format(column, &text)?;
        sheet.set_column_width(column, WIDTH_CHARS)?;
        sheet.write_string_with_format(0, column, *name, &bold)?;
    }
    for (line, row) in (1..).zip(rows) {
        for (column, cell) in (0..).zip(row) {
            sheet.write_string_with_format(line, column, cell, &text)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

/// The rows of a noun under their names in the reader's language.
pub(super) fn of(l: Lang, noun: Noun, rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    let mut book = new_book()?;
    let rows: Vec<Vec<String>> = rows.iter().map(|row| sheet::worded(l, noun, row)).collect();
    fill(book.add_worksheet(), &heading(l, noun), &rows)?;
    book.save_to_buffer()
}

/// Rows under the first of them as their head.
pub(in crate::web) fn of_rows(rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    let mut book = new_book()?;
    if let Some((head, rows)) = rows.split_first() {
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        fill(book.add_worksheet(), &head, rows)?;
    }
    book.save_to_buffer()
}

/// An empty table to fill in; examples stand on a sheet of their own, which no import reads.
pub(super) fn template(l: Lang, noun: Noun) -> Result<Vec<u8>, XlsxError> {
    let mut book = new_book()?;
    fill(book.add_worksheet(), &heading(l, noun), &[])?;
    let examples = book.add_worksheet();
    examples.set_name(l.t("示例", "Examples"))?;
    let row = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let rows = example(l, noun).into_iter().map(|cells| sheet::worded(l, noun, &row(&cells)));
    let rows: Vec<Vec<String>> = rows.collect();
    fill(examples, &heading(l, noun), &rows)?;
    book.save_to_buffer()
}

/// Rows that an import takes, with codes where a list is closed.
#[rustfmt::skip]
fn example(l: Lang, noun: Noun) -> Vec<Vec<&'static str>> {
    match noun {
        Noun::Institutions => vec![vec![
            "clinic-01", l.t("示例医疗美容门诊部", "Example Aesthetic Clinic"), "",
            l.t("门诊部", "clinic"), "2", "", "510104", "30.66", "104.06",
            l.t("成都市武侯区示例路 1 号", "1 Example Road, Chengdu"), "", "2030-12-31",
            l.t("美容外科；美容皮肤科", "surgery;dermatology"), "",
            l.t("试点协议第六条第二款", "pilot agreement, clause 6(2)"),
        ]],
        Noun::Practitioners => vec![
            vec![
                "0007", l.t("张三", "Zhang San"), "licensed_physician", "valid", "clinic-01",
                "primary", "", "cosmetic_surgery;cosmetic_dermatology", "", "", "2025-03-01", "",
                l.t("外科专业", "surgery"),
            ],
            vec![
                "0008", l.t("李四", "Li Si"), "nurse", "valid", "clinic-01", "primary", "", "", "",
                "", "", "", "",
            ],
        ],
        Noun::Rooms => vec![
            vec![
                "room-01", "clinic-01", l.t("激光室", "Laser room"), "in_room", "no", "no", "", "",
                "",
            ],
            vec![
                "room-02", "clinic-01", l.t("纹绣室", "Tattoo room"), "doorway", "yes", "yes", "",
                "", "",
            ],
        ],
        Noun::Items => vec![vec![
            "laser-01", "激光脱毛", "Laser hair removal", "energy_device", "cosmetic_dermatology",
            "", "licensed_physician", "", "", "", "",
        ]],
        Noun::Sessions => vec![vec![
            "s-0001", "room-01", "laser-01", "0007", "0008", "2026-03-02 09:00",
            "2026-03-02 10:00", "no", "no", "no", "",
        ]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::api::bulk::most;
    use crate::web::api::bulk::row::Layout;
    use crate::web::table_file::read;

    #[test]
    fn what_goes_out_comes_in_with_its_zeros() {
        let rows = vec![vec!["007".to_owned(), "甲".to_owned(), "110105000000000000".to_owned()]];
        for l in [Lang::Zh, Lang::En] {
            let bytes = of(l, Noun::Institutions, &rows).unwrap();
            let found = read(&bytes, None, most(Noun::Institutions), words::is_ours);
            let found = found.unwrap().records;
            assert_eq!(found[1].cells, rows[0]);
            let order = sheet::order(Noun::Institutions, &found[0].cells).unwrap();
            assert_eq!(order, (0..Noun::Institutions.column_names().len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_example_is_a_row_that_is_read() {
        let both = [Lang::Zh, Lang::En].into_iter();
        for (l, noun) in both.flat_map(|l| Noun::ALL.map(|noun| (l, noun))) {
            let order = (0..noun.column_names().len()).collect::<Vec<_>>();
            for row in example(l, noun) {
                assert_eq!(row.len(), order.len(), "{noun:?}");
                let codes: Vec<String> = row.into_iter().map(str::to_owned).collect();
                let cells = sheet::worded(l, noun, &codes);
                let layout = Layout { noun, order: &order, workbook: true };
                let wrong = layout.row(&cells).wrong;
                assert!(wrong.is_empty(), "{noun:?}: {wrong:?}");
                let others = cells.concat();
                let han = others.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert!(l == Lang::Zh || !han || noun == Noun::Items, "{others}");
            }
            assert!(template(l, noun).unwrap().starts_with(b"PK"));
        }
    }

    #[test]
    fn codes_go_out_in_the_readers_words() {
        let row = ["p-1", "王", "nurse", "valid", "c-1", "primary", "", "cosmetic_tcm;x"];
        let row: Vec<String> = row.map(str::to_owned).to_vec();
        assert_eq!(sheet::worded(Lang::En, Noun::Practitioners, &row), row);
        let zh = ["p-1", "王", "护士", "有效", "c-1", "主执业机构", "", "美容中医科;x"];
        assert_eq!(sheet::worded(Lang::Zh, Noun::Practitioners, &row), zh);
    }
}
