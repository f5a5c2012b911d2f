//! Table files as programs write them.

use std::fmt::Write as _;

use super::*;

const HEAD: &str = "id,name,category\n";
const MOST: Most = Most { rows: 20_000, columns: 14 };

fn read(bytes: &[u8], told: Option<Encoding>, most: Most) -> Result<TableFile, UnreadTable> {
    super::read(bytes, told, most, |word| word == "护士")
}

fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    read(bytes, None, MOST).unwrap().records.into_iter().map(|r| r.cells).collect()
}

fn gb(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

#[test]
fn every_usual_dialect_is_read_the_same() {
    let text = format!("{HEAD}p-1,王一,护士\n");
    let wanted = vec![vec!["id", "name", "category"], vec!["p-1", "王一", "护士"]];
    let utf16 = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [b"\xff\xfe".to_vec(), units.collect()].concat()
    };
    for file in [
        text.clone().into_bytes(),
        format!("\u{feff}\u{feff}{text}").into_bytes(),
        gb(&text),
        text.replace(',', ";").into_bytes(),
        text.replace(',', "\t").into_bytes(),
        utf16(&text),
        utf16(&text.replace(',', "\t")),
        utf16(&text)[2..].to_vec(),
        format!("sep=,\r\n{}", text.replace('\n', "\r\n")).into_bytes(),
        text.replace(',', "，").into_bytes(),
        text.replace('\n', "\r").into_bytes(),
    ] {
        assert_eq!(cells(&file), wanted, "{}", String::from_utf8_lossy(&file));
    }
}

#[test]
fn a_wide_comma_within_quotation_marks_stays() {
    let found = cells("id，name，address\nc-1，甲，\"路一号，二楼\"\n".as_bytes());
    assert_eq!(found[1], ["c-1", "甲", "路一号，二楼"]);
    let found = cells("id；name\nc-1；\"甲；乙\"\n".as_bytes());
    assert_eq!(found[1], ["c-1", "甲；乙"]);
}

#[test]
fn bytes_of_two_meanings_are_asked_about() {
    for name in ["叶薇", "谢薇", "石薇", "陆薇"] {
        let file = gb(&format!("{HEAD}p-1,{name},nurse\n"));
        let Err(UnreadTable::Either(readings)) = read(&file, None, MOST) else {
            panic!("{name} was guessed")
        };
        let of_gb = readings.iter().find(|(kind, _)| *kind == Encoding::Gb18030);
        assert!(of_gb.is_some_and(|(_, text)| text.contains(name)), "{readings:?}");
        assert_eq!(read(&file, Some(Encoding::Gb18030), MOST).unwrap().records[1].cells[1], name);
        assert_ne!(read(&file, Some(Encoding::Utf8), MOST).unwrap().records[1].cells[1], name);
    }
    for name in ["José", "Müller", "王芳", "阿卜杜拉·买买提", "Wang"] {
        assert_eq!(cells(format!("{HEAD}p-1,{name},nurse\n").as_bytes())[1][1], name);
    }
}

#[test]
fn what_is_no_text_names_its_line() {
    let Err(UnreadTable::Fault(why)) = read(b"id,name\nc-1,\xff\xff\n", None, MOST) else {
        panic!()
    };
    assert!(why.starts_with("line 2"), "{why}");
    let Err(UnreadTable::Fault(why)) = read(b"\xd0\xcf\x11\xe0 and more", None, MOST) else {
        panic!()
    };
    assert!(why.contains("XLSX"), "{why}");
    let Err(UnreadTable::Fault(why)) = read(b"PK\x03\x04 and no archive", None, MOST) else {
        panic!()
    };
    assert!(why.contains("can not be read"), "{why}");
}

#[test]
fn a_workbook_is_read_with_its_lines() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "id").unwrap();
    sheet.write(0, 1, "start").unwrap();
    sheet.write(2, 0, 7).unwrap();
    let date = rust_xlsxwriter::ExcelDateTime::parse_from_str("2026-03-02 09:00").unwrap();
    let format = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d h:mm");
    sheet.write_with_format(2, 1, &date, &format).unwrap();
    sheet.write(3, 0, 110_105_000_000_000_000f64).unwrap();
    let lost = rust_xlsxwriter::Formula::new("=1/0").set_result("#DIV/0!");
    sheet.write_formula(3, 1, lost).unwrap();
    let found = read(&book.save_to_buffer().unwrap(), None, MOST).unwrap();
    assert_eq!(found.read_as, ReadAs::Xlsx);
    let lines: Vec<u64> = found.records.iter().map(|r| r.line).collect();
    assert_eq!(lines, [1, 3, 4]);
    assert_eq!(found.records[1].cells, ["7", "2026-03-02 09:00:00"]);
    assert_eq!(found.records[2].cells, ["1.10105E+17", "#DIV/0!"]);
}

#[test]
fn a_table_is_read_no_further_than_it_may_go() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let most = Most { rows: 3, columns: 2 };
    for row in 0..5 {
        sheet.write(row, 0, "x").unwrap();
        sheet.write(row, 99, "far out").unwrap();
    }
    let wide = "x,,,,,,,,far out\n".repeat(5);
    for file in [book.save_to_buffer().unwrap(), wide.clone().into_bytes()] {
        let Err(UnreadTable::Fault(why)) = read(&file, None, most) else { panic!("it was taken") };
        assert_eq!(why, "more than 3 rows: divide the file");
    }
    // What stands beyond the columns is seen, and takes one cell.
    let found = read(wide.as_bytes(), None, Most { rows: 5, ..most }).unwrap();
    assert!(found.records.iter().all(|r| r.cells == ["x", "", "far out"]), "{found:?}");
    let found = read(&book.save_to_buffer().unwrap(), None, Most { rows: 5, ..most }).unwrap();
    assert!(found.records.iter().all(|r| r.cells == ["x", "", "far out"]), "{found:?}");
}

#[test]
fn a_cell_in_the_last_corner_takes_no_memory() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "id").unwrap();
    sheet.write(1_048_575, 16_383, "x").unwrap();
    let Err(UnreadTable::Fault(why)) = read(&book.save_to_buffer().unwrap(), None, MOST) else {
        panic!("it was taken")
    };
    assert!(why.contains("beyond"), "{why}");
}

/// A workbook whose one sheet is this XML, with a style for dates.
fn workbook(sheet_data: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut book = rust_xlsxwriter::Workbook::new();
    let format = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d h:mm");
    book.add_worksheet().write_with_format(0, 0, 1, &format).unwrap();
    let made = book.save_to_buffer().unwrap();
    let mut from = zip::ZipArchive::new(Cursor::new(made)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..from.len() {
        let mut entry = from.by_index(n).unwrap();
        let name = entry.name().unwrap().into_owned();
        to.start_file(&name, zip::write::SimpleFileOptions::default()).unwrap();
        if name == "xl/worksheets/sheet1.xml" {
            let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
            let xml = format!(
                "<worksheet xmlns=\"{main}\"><sheetData>{sheet_data}</sheetData></worksheet>"
            );
            to.write_all(xml.as_bytes()).unwrap();
        } else {
            std::io::copy(&mut entry, &mut to).unwrap();
        }
    }
    to.finish().unwrap().into_inner()
}

#[test]
fn a_place_beyond_every_sheet_is_named() {
    for places in [("1", "AAAAAAAAAA1"), ("99999999999", "A99999999999")] {
        let sheet = format!("<row r=\"{}\"><c r=\"{}\"><v>1</v></c></row>", places.0, places.1);
        assert_eq!(read(&workbook(&sheet), None, MOST).unwrap_err(), BEYOND.into());
    }
}

#[test]
fn a_workbook_with_a_password_is_named() {
    let mut locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    locked.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    let UnreadTable::Fault(why) = read(&locked, None, MOST).unwrap_err() else { panic!() };
    assert!(why.contains("password"), "{why}");
}

proptest::proptest! {
    /// Whatever stands in a sheet, it is answered.
    #[test]
    fn any_sheet_is_answered(
        cells in proptest::collection::vec((
            proptest::sample::select(vec!["A1", "B2", "XFD1048576", "AAAA1", "A0", "1", "", "é", "A4294967296"]),
            proptest::sample::select(vec!["n", "s", "str", "b", "e", "d", "inlineStr", "x"]),
            0..3u8,
            proptest::sample::select(vec!["1", "-1", "1e300", "NaN", "inf", "2958466", "-693594.5", "99999999999999999999", "#REF!", "2026-13-40T99:99", "0.99999999", "", "&#0;"]),
        ), 0..6),
    ) {
        let mut row = String::new();
        for (place, kind, style, value) in &cells {
            write!(row, "<c r=\"{place}\" t=\"{kind}\" s=\"{style}\"><v>{value}</v></c>").unwrap();
        }
        let _ = read(&workbook(&format!("<row r=\"1\">{row}</row>")), None, MOST);
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(0u8.., 0..300)) {
        let _ = read(&bytes, None, MOST);
        let _ = read(&[b"PK\x03\x04".to_vec(), bytes].concat(), Some(Encoding::Gb18030), MOST);
    }
}
