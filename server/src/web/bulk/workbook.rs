//! Tables as XLSX workbooks: every cell is text, so that no spreadsheet takes leading zeros or the
//! end of a long number away.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{Noun, words};
use crate::web::pages::words::Lang;

const WIDTH_CHARS: f64 = 22.0;

fn heading(l: Lang, noun: Noun) -> Vec<&'static str> {
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
    fill(book.add_worksheet(), &heading(l, noun), rows)?;
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
    let row = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = example(noun).iter().map(|cells| row(cells)).collect();
    fill(examples, &heading(l, noun), &rows)?;
    book.save_to_buffer()
}

/// Rows that an import takes, as people write them.
fn example(noun: Noun) -> &'static [&'static [&'static str]] {
    match noun {
        Noun::Institutions => &[&[
            "clinic-01",
            "示例医疗美容门诊部",
            "",
            "门诊部",
            "2",
            "",
            "510104",
            "30.66",
            "104.06",
            "成都市武侯区示例路 1 号",
            "",
            "2030-12-31",
            "美容外科;美容皮肤科",
            "",
            "第六条第二款",
        ]],
        Noun::Practitioners => &[
            &[
                "0007",
                "张三",
                "执业医师",
                "有效",
                "clinic-01",
                "主执业机构",
                "",
                "美容外科;美容皮肤科",
                "",
                "",
                "2025-03-01",
                "",
                "外科专业",
            ],
            &[
                "0008",
                "李四",
                "护士",
                "有效",
                "clinic-01",
                "主执业机构",
                "",
                "",
                "",
                "",
                "",
                "",
                "",
            ],
        ],
        Noun::Rooms => &[
            &["room-01", "clinic-01", "激光室", "室内", "否", "否", "", "", ""],
            &["room-02", "clinic-01", "纹绣室", "门口", "是", "是", "", "", ""],
        ],
        Noun::Items => &[&[
            "laser-01",
            "激光脱毛",
            "Laser hair removal",
            "光电",
            "美容皮肤科",
            "",
            "执业医师",
            "",
            "",
            "",
            "",
        ]],
        Noun::Sessions => &[&[
            "s-0001",
            "room-01",
            "laser-01",
            "0007",
            "0008",
            "2026-03-02 09:00",
            "2026-03-02 10:00",
            "否",
            "否",
            "否",
            "",
        ]],
    }
}

#[cfg(test)]
mod tests {
    use super::super::{most, sheet};
    use super::*;
    use crate::web::table_file::read;

    #[test]
    fn what_goes_out_comes_in_with_its_zeros() {
        let rows = vec![vec!["007".to_owned(), "甲".to_owned(), "110105000000000000".to_owned()]];
        for l in [Lang::Zh, Lang::En] {
            let bytes = of(l, Noun::Institutions, &rows).unwrap();
            let found = read(&bytes, None, most(Noun::Institutions)).unwrap().records;
            assert_eq!(found[1].cells, rows[0]);
            let order = sheet::order(Noun::Institutions, &found[0].cells).unwrap();
            assert_eq!(order, (0..Noun::Institutions.column_names().len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_example_is_a_row_that_is_read() {
        for noun in Noun::ALL {
            let order = (0..noun.column_names().len()).collect::<Vec<_>>();
            for row in example(noun) {
                assert_eq!(row.len(), order.len(), "{noun:?}");
                let cells: Vec<String> = row.iter().map(|c| (*c).to_owned()).collect();
                let object = sheet::object(noun, &order, &cells);
                let object = object.unwrap_or_else(|why| panic!("{noun:?}: {why:?}"));
                super::super::typed(noun, &object).unwrap_or_else(|e| panic!("{noun:?}: {e:?}"));
            }
            assert!(template(Lang::Zh, noun).unwrap().starts_with(b"PK"));
        }
    }
}
