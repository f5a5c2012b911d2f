//! Tables in and out: a dry run that lists every row's fault, an import that is whole or nothing,
//! an export that comes back.

use server::access::Role;

use crate::access::{ask, token};
use crate::house::{Answer, House};

fn import(house: &House, noun: &str, dry: bool, text: &str) -> Answer {
    house.send("POST", &format!("/api/v1/import/{noun}?dry_run={dry}"), "text/csv", text.as_bytes())
}

const PEOPLE: &str = "id,name,category,registration,institution,relation,lead_of\n\
    p-1,王一,licensed_physician,valid,clinic-1,primary,cosmetic_surgery;cosmetic_tcm\n\
    p-2,李二,nurse,valid,clinic-1,primary,\n";

#[test]
fn a_dry_run_lists_every_rows_fault_and_stores_nothing() {
    let house = House::new();
    house.furnish();
    let text = format!(
        "{PEOPLE}p-3,,nurse,valid,clinic-1,primary,\np-4,赵,doctor,valid,clinic-1,primary,\np-5,钱,nurse,valid,clinic-9,primary,\n\
         p-2,李二,nurse,valid,clinic-1,primary,\np-6,孙,nurse,valid,clinic-1,primary,cosmetic_tcm\np \
         7,周,nurse,valid,,,\n"
    );
    let before = house.get("practitioners")["practitioners"].as_array().unwrap().len();
    let answer = import(&house, "practitioners", true, &text).json();
    let faults: Vec<(u64, String, String)> = answer["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (
                f["line"].as_u64().unwrap(),
                f["column"].as_str().unwrap().into(),
                f["text"].as_str().unwrap().into(),
            )
        })
        .collect();
    let at = |line: u64| {
        faults
            .iter()
            .find(|f| f.0 == line)
            .unwrap_or_else(|| panic!("line {line} has no fault: {answer}"))
    };
    assert_eq!(faults.iter().map(|f| f.0).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9], "{answer}");
    assert_eq!(at(4).1, "name");
    assert_eq!(at(5).1, "category");
    assert!(at(6).1 == "institution" && at(6).2.contains("clinic-9"));
    assert!(at(7).2.contains("line 3"));
    assert_eq!(at(8).1, "lead_of");
    assert_eq!(at(9).1, "id");
    assert_eq!(answer["stored"], false);
    let really = import(&house, "practitioners", false, &text);
    assert_eq!((really.status, really.json()["faults"].as_array().unwrap().len()), (422, 6));
    assert!(really.head.contains("application/problem+json"), "{}", really.head);
    assert_eq!(
        house.get("practitioners")["practitioners"].as_array().unwrap().len(),
        before,
        "half a file was stored"
    );
}

/// Column of every fault of a line.
fn columns_at(answer: &Answer, line: u64) -> Vec<String> {
    let faults = answer.json()["faults"].as_array().unwrap().clone();
    let here = faults.iter().filter(|f| f["line"] == line);
    here.map(|f| f["column"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_row_with_many_faults_names_each_of_them() {
    let house = House::new();
    house.furnish();
    let text = "id,name,category,registration,institution,relation,lead_of,filed_on\n\
        p 3,,doctor,good,clinic-9,first,surgery,someday\n\
        p-4,赵,nurse,valid,clinic-9,primary,cosmetic_tcm,\n\
        p-4,钱,nurse,valid,clinic-1,first,,\n\
        p-5,孙,doctor,valid,clinic-1,primary,cosmetic_tcm,46083\n";
    let answer = import(&house, "practitioners", true, text);
    assert_eq!(
        columns_at(&answer, 2),
        [
            "id",
            "name",
            "category",
            "registration",
            "relation",
            "lead_of",
            "filed_on",
            "institution"
        ],
        "{}",
        answer.body
    );
    assert_eq!(columns_at(&answer, 3), ["lead_of", "institution"], "{}", answer.body);
    assert_eq!(columns_at(&answer, 4), ["relation", "id"], "{}", answer.body);
    assert_eq!(columns_at(&answer, 5), ["category", "filed_on"], "{}", answer.body);
    assert_eq!(answer.json()["created"], 0, "a row at fault counts as one: {}", answer.body);
}

/// As Excel keeps them: a day as a date, a formula that lost its cell, a line break in a cell.
#[test]
fn a_workbooks_days_are_read_and_its_faults_named() {
    use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
    let house = House::new();
    house.furnish();
    let day = ExcelDateTime::parse_from_str("2030-12-31").unwrap();
    let shown = Format::new().set_num_format("yyyy/m/d");
    let book = |name: &str, serial: bool| {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let head = ["编号", "名称", "行政区划代码", "许可证有效期至", "承诺书日期"];
        for (column, text) in (0..).zip(head) {
            sheet.write(0, column, text).unwrap();
        }
        for (column, text) in (0..).zip(["c-9", name, "510104"]) {
            sheet.write(1, column, text).unwrap();
        }
        if serial {
            sheet.write(1, 3, 46_083).unwrap();
        } else {
            sheet.write_with_format(1, 3, &day, &shown).unwrap();
        }
        sheet.write(1, 4, "2029/2/3").unwrap();
        book.save_to_buffer().unwrap()
    };
    let send = |book: &[u8], dry: bool| {
        let path = format!("/api/v1/import/institutions?dry_run={dry}");
        house.send("POST", &path, "text/csv", book)
    };
    let stored = send(&book("甲", false), false);
    assert_eq!(
        (stored.status, &stored.json()["read_as"]),
        (200, &"xlsx".into()),
        "{}",
        stored.body
    );
    let found = house.get("institutions");
    let found = found["institutions"].as_array().unwrap().iter().find(|i| i["id"] == "c-9");
    let found = found.unwrap();
    assert_eq!(
        (&found["licence_until"], &found["pledge_on"]),
        (&"2030-12-31".into(), &"2029-02-03".into())
    );
    for (name, serial, column, said) in [
        ("甲", true, "licence_until", "the number that a spreadsheet keeps"),
        ("#REF!", false, "name", "fault of a formula"),
        ("甲\n乙", false, "name", "write it in one line"),
    ] {
        let answer = send(&book(name, serial), true);
        let fault = answer.json()["faults"][0].clone();
        let text = fault["text"].as_str().unwrap_or_default();
        assert!(fault["column"] == column && text.contains(said), "{}", answer.body);
    }
}

#[test]
fn a_guessed_file_is_shown_before_it_is_stored() {
    let house = House::new();
    house.furnish();
    let table = "编号,姓名,类别,登记状态,机构,关系\np-77,王芳,护士,有效,clinic-1,主要\n";
    let (gbk, _, _) = encoding_rs::GB18030.encode(table);
    let part = |name: &str, more: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n")
    };
    let fields = format!("{}practitioners\r\n{}store\r\n", part("noun", ""), part("act", ""));
    let send = |what: Vec<u8>| {
        let body = [fields.as_bytes(), &what, &b"\r\n--x--\r\n"[..]].concat();
        house.send("POST", "/import?lang=zh", "multipart/form-data; boundary=x", &body)
    };
    let people = || house.get("practitioners?q=p-77")["practitioners"].as_array().unwrap().len();
    let file = part("file", "; filename=\"p.csv\"");
    let shown = send([file.as_bytes(), &gbk].concat());
    assert!(shown.body.contains("尚未保存：请核对下列文字") && shown.body.contains("王芳"));
    assert_eq!(people(), 0, "stored before anybody saw its letters");
    let stored = send([part("text", "").as_bytes(), table.as_bytes()].concat());
    assert!(stored.body.contains("已保存"), "{}", stored.body);
    assert_eq!(people(), 1);
}

#[test]
fn a_table_for_people_speaks_their_language() {
    let house = House::new();
    house.furnish();
    let people = PEOPLE.replace("p-2", "007");
    assert_eq!(import(&house, "practitioners", false, &people).json()["created"], 2);
    let zh = house.send_with("GET", "/export/practitioners?lang=zh", "", b"").body;
    assert!(zh.contains("人员编号,姓名,人员类别"), "{zh}");
    assert!(zh.contains("\"=\"\"007\"\"\",李二,护士,有效,clinic-1,主执业机构"), "{zh}");
    let en = house.send_with("GET", "/export/practitioners?lang=en", "", b"").body;
    assert!(en.contains("id,name,category") && en.contains(",nurse,valid,"), "{en}");
    let api = house.send_with("GET", "/api/v1/export/practitioners", "", b"").body;
    assert!(api.contains("\n007,李二,nurse,valid,clinic-1,primary,"), "{api}");
    let before = house.get("practitioners");
    for text in [zh, en] {
        let again = import(&house, "practitioners", false, &text);
        assert_eq!((again.status, &again.json()["created"]), (200, &0.into()), "{}", again.body);
        assert_eq!(house.get("practitioners"), before);
    }
    let page = house.send("GET", "/import?lang=zh", "", b"").body;
    assert!(page.contains("人员编号、姓名、人员类别") && !page.contains("id,name"), "{page}");
}

#[test]
fn what_is_exported_can_be_imported_and_changes_nothing() {
    let house = House::new();
    house.furnish();
    assert_eq!(import(&house, "practitioners", false, PEOPLE).json()["created"], 2);
    for noun in ["institutions", "items", "rooms", "practitioners", "sessions"] {
        let text = house.send_with("GET", &format!("/api/v1/export/{noun}"), "", b"").body;
        let before = house.get(noun);
        let answer = import(&house, noun, noun == "sessions", &text);
        assert_eq!(answer.status, 200, "{noun}: {}", answer.body);
        assert_eq!(
            (&answer.json()["created"], answer.json()["faults"].as_array().unwrap().len()),
            (&0.into(), 0),
            "{noun}"
        );
        assert_eq!(house.get(noun), before, "{noun}");
    }
}

#[test]
fn a_file_that_is_none_gets_one_line() {
    let house = House::new();
    for (text, why) in [
        (&b""[..], "empty"),
        (b"colour\nred\n", "`colour` is unknown"),
        (b"id,name\nc-1,\xff\xfe\n", "line 2"),
        (b"name\nx\n", "`id` is missing"),
    ] {
        let answer = house.send("POST", "/api/v1/import/institutions", "text/csv", text);
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(
            answer.status == 422 && detail.contains(why) && !detail.contains('\n'),
            "{} {detail}",
            answer.status
        );
    }
    assert_eq!(import(&house, "secrets", false, "id\n").status, 404);
}

#[test]
fn a_supervisor_brings_in_their_own_jurisdiction_alone() {
    let house = House::new();
    house.furnish();
    let house = house.restart_with("[access]\naccounts = true\n");
    let other = token(&house, Role::Supervisor, "5102");
    let ask = |noun: &str, text: &str| {
        ask(&house, "POST", &format!("/api/v1/import/{noun}"), &other, text).status
    };
    assert_eq!(ask("institutions", "id,name,jurisdiction\nc-9,x,510104\n"), 422);
    assert_eq!(
        ask("institutions", "id,name,jurisdiction\nclinic-1,x,510201\n"),
        422,
        "another's institution was taken"
    );
    assert_eq!(ask("institutions", "id,name,jurisdiction\nc-9,x,510201\n"), 200);
    assert_eq!(ask("practitioners", PEOPLE), 422);
    assert_eq!(
        ask("sessions", "id,room,start\ns-9,room-1,2026-03-02T01:00:00Z\n"),
        422,
        "a supervisor declared a session"
    );
}

#[test]
fn the_page_keeps_what_was_pasted() {
    let house = House::new();
    house.furnish();
    let body = "--x\r\nContent-Disposition: form-data; \
        name=\"noun\"\r\n\r\ninstitutions\r\n--x\r\nContent-Disposition: form-data; \
        name=\"text\"\r\n\r\nid,name\nc-7,<b>\nc-8,\n\r\n--x\r\nContent-Disposition: form-data; \
        name=\"act\"\r\n\r\nstore\r\n--x--\r\n";
    let answer =
        house.send("POST", "/import?lang=en", "multipart/form-data; boundary=x", body.as_bytes());
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("c-7,&#60;b&#62;") || answer.body.contains("c-7,&lt;b&gt;"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("nothing was stored"), "{}", answer.body);
    assert_eq!(house.get("institutions")["institutions"].as_array().unwrap().len(), 1);
}

/// A small file that unpacks to much: by page and by call it gets one line.
#[test]
fn a_vast_sheet_is_refused_while_it_is_read() {
    let house = House::new();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "id").unwrap();
    for row in 1..20_100 {
        sheet.write(row, 0, 1).unwrap();
        sheet.write(row, 99, 1).unwrap();
    }
    let book = book.save_to_buffer().unwrap();
    let answer = house.send("POST", "/api/v1/import/institutions", "text/csv", &book);
    assert!(
        answer.status == 422 && answer.body.contains("more than 20000 rows"),
        "{} {}",
        answer.status,
        answer.body
    );
    let mut form = b"--x\r\nContent-Disposition: form-data; name=\"file\"; \
        filename=\"t.xlsx\"\r\n\r\n"
        .to_vec();
    form.extend(&book);
    form.extend(
        b"\r\n--x\r\nContent-Disposition: form-data; \
        name=\"noun\"\r\n\r\ninstitutions\r\n--x--\r\n",
    );
    let page = house.send("POST", "/import?lang=en", "multipart/form-data; boundary=x", &form);
    assert!(page.body.contains("more than 20000 rows"), "{} {}", page.status, page.body);
}

/// `id,name,…` with names in any encoding: no word of it says which.
#[test]
fn a_table_of_names_alone_is_asked_about() {
    let house = House::new();
    house.furnish();
    let head = "id,name,category,registration,institution,relation\n";
    let file = format!("{head}p-77,陳大文,nurse,valid,clinic-1,primary\n");
    let (big5, _, _) = encoding_rs::BIG5.encode(&file);
    let send = |path: &str, bytes: &[u8]| house.send("POST", path, "text/csv", bytes);
    let path = "/api/v1/import/practitioners";
    let asked = send(path, &big5);
    let detail = asked.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(asked.status, 422, "{}", asked.body);
    for word in ["陳大文", "Big5", "`encoding=big5`", "`encoding=gb18030`"] {
        assert!(detail.contains(word), "{detail}");
    }
    let named =
        |id: &str| house.get(&format!("practitioners?q={id}"))["practitioners"][0]["name"].clone();
    assert_eq!(named("p-77"), serde_json::Value::Null, "stored before anybody said its letters");
    assert_eq!(send(&format!("{path}?encoding=big5"), &big5).json()["created"], 1);
    assert_eq!(named("p-77"), "陳大文");
    // The page shows each reading to choose from.
    let part = |name: &str, more: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n")
    };
    let fields = format!("{}practitioners\r\n{}store\r\n", part("noun", ""), part("act", ""));
    let upload = part("file", "; filename=\"p.csv\"");
    let form = [fields.as_bytes(), upload.as_bytes(), &big5, b"\r\n--x--\r\n"].concat();
    let page = house.send("POST", "/import?lang=zh", "multipart/form-data; boundary=x", &form).body;
    assert!(page.contains("无法确定此文件的文字编码") && page.contains("陳大文"), "{page}");
    assert!(page.contains("<h2>Big5</h2>") && page.contains("<h2>GB18030 (GBK)</h2>"), "{page}");
    // Four bytes a letter: named, and no column with zeros in its name.
    let utf32: Vec<u8> = file.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let refused = send(path, &utf32);
    assert!(refused.status == 422 && refused.body.contains("UTF-32"), "{}", refused.body);
}

/// Files as people's programs save them, of the field.
#[test]
fn a_table_is_read_whatever_program_saved_it() {
    let house = House::new();
    house.furnish();
    let table = "编号;姓名;类别;登记状态;机构;关系\r\np-77;王一;护士;有效;clinic-1;主要\r\n";
    let (gbk, _, _) = encoding_rs::GB18030.encode(table);
    let answer = house.send("POST", "/api/v1/import/practitioners", "text/csv", &gbk);
    assert_eq!(answer.json()["created"], 1, "{}", answer.body);
    let found = house.get("practitioners?q=p-77");
    assert_eq!(
        (&found["practitioners"][0]["name"], &found["practitioners"][0]["category"]),
        (&"王一".into(), &"nurse".into())
    );
    // Two readings: nobody guesses a name.
    let head = "id,name,category,registration,institution,relation\n";
    let (gbk, _, _) = encoding_rs::GB18030.encode("p-78,叶薇,nurse,valid,clinic-1,primary\n");
    let file = [head.as_bytes(), &gbk].concat();
    let asked = house.send("POST", "/api/v1/import/practitioners", "text/csv", &file);
    assert!(
        asked.status == 422 && asked.body.contains("encoding=gb18030"),
        "{} {}",
        asked.status,
        asked.body
    );
    let path = "/api/v1/import/practitioners?encoding=gb18030";
    assert_eq!(house.send("POST", path, "text/csv", &file).json()["created"], 1);
    assert_eq!(house.get("practitioners?q=p-78")["practitioners"][0]["name"], "叶薇");
    // Digits that a spreadsheet took away are named, and stored nowhere.
    let lost = "id,name,jurisdiction,code\nc-n,甲,510100,1.10105E+17\n";
    let answer = house.send("POST", "/api/v1/import/institutions", "text/csv", lost.as_bytes());
    let fault = answer.json()["faults"][0].clone();
    assert!(
        fault["column"] == "code" && fault["text"].as_str().unwrap().contains("shortened"),
        "{fault}"
    );
}

#[test]
fn a_workbook_goes_out_and_comes_in_the_same() {
    let house = House::new();
    house.furnish();
    assert_eq!(import(&house, "practitioners", false, PEOPLE).json()["created"], 2);
    for noun in ["institutions", "items", "rooms", "practitioners"] {
        for lang in ["zh", "en"] {
            let path = format!("/export/{noun}/xlsx?lang={lang}");
            let book = house.bytes(&path);
            assert!(book.starts_with(b"PK"), "{noun}");
            let before = house.get(noun);
            let answer = house.send("POST", &format!("/api/v1/import/{noun}"), "text/csv", &book);
            assert_eq!(answer.status, 200, "{noun} {lang}: {}", answer.body);
            assert_eq!(answer.json()["created"], 0, "{noun} {lang}");
            assert_eq!(house.get(noun), before, "{noun} {lang}");
        }
    }
}
