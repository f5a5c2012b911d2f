//! What people write in a table: names of columns and words of closed lists in Chinese, times as
//! clocks show them, numbers that a spreadsheet shortened. Pure.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Noun;
use crate::text;

/// A column: its name, its noun where it differs from one to another, and what it is called in
/// Chinese; the first of these is what we write.
type Called = (&'static str, Option<Noun>, &'static [&'static str]);

const COLUMNS: &[Called] = &[
    ("id", Some(Noun::Institutions), &["机构编号", "编号"]),
    ("id", Some(Noun::Practitioners), &["人员编号", "编号", "工号"]),
    ("id", Some(Noun::Rooms), &["诊室编号", "编号"]),
    ("id", Some(Noun::Sessions), &["诊疗活动编号", "编号"]),
    ("code", Some(Noun::Items), &["项目编码", "编码", "编号"]),
    ("code", Some(Noun::Institutions), &["统一社会信用代码", "登记号", "信用代码"]),
    ("name", Some(Noun::Practitioners), &["姓名", "名称"]),
    ("name", None, &["名称", "机构名称", "诊室名称"]),
    ("name_zh", None, &["项目名称", "名称", "中文名称"]),
    ("name_en", None, &["英文名称"]),
    ("kind", Some(Noun::Items), &["项目类别", "类别"]),
    ("kind", None, &["机构类别", "类别"]),
    ("grade_ceiling", None, &["手术级别上限"]),
    ("filed_items", None, &["已备案项目", "备案项目"]),
    ("jurisdiction", None, &["行政区划代码", "行政区划", "区划代码"]),
    ("north_deg", None, &["北纬", "纬度"]),
    ("east_deg", None, &["东经", "经度"]),
    ("category", None, &["人员类别", "类别"]),
    ("registration", None, &["注册状态", "登记状态", "状态"]),
    ("institution", None, &["机构编号", "机构", "执业机构"]),
    ("relation", None, &["执业关系", "关系"]),
    ("exempt_until", None, &["豁免至", "豁免截止"]),
    ("lead_of", None, &["主诊备案专业", "主诊专业", "主诊备案"]),
    ("roles", None, &["其他职责", "职责"]),
    ("mode", None, &["安装方式", "方式"]),
    ("intimate", None, &["隐私诊室", "隐私"]),
    ("undressing", None, &["就诊者需脱衣", "需脱衣", "脱衣"]),
    ("time_zone", None, &["时区"]),
    ("zones", None, &["区域"]),
    ("opening_min", None, &["营业时间"]),
    ("specialties", None, &["专业", "所属专业"]),
    ("surgery_grade", None, &["手术级别"]),
    ("min_operator", None, &["最低操作资质", "操作资质"]),
    ("min_duration_ms", None, &["最短时长（毫秒）", "最短时长"]),
    ("prep_ms", None, &["准备时长（毫秒）", "准备时长"]),
    ("lead_part_ms", None, &["主诊部分时长（毫秒）", "主诊部分时长"]),
    ("address", None, &["地址"]),
    ("licence_no", None, &["执业许可证登记号", "许可证登记号"]),
    ("licence_until", None, &["许可证有效期至", "有效期至"]),
    ("subjects", None, &["诊疗科目"]),
    ("pledge_on", None, &["承诺书日期"]),
    ("agreement", None, &["协议条款", "试点协议条款"]),
    ("filing_no", None, &["主诊备案编号", "备案编号"]),
    ("filed_on", None, &["备案日期"]),
    ("practice_no", None, &["执业证书编码"]),
    ("practice_scope", None, &["执业范围"]),
    ("room", None, &["诊室编号", "诊室"]),
    ("item", None, &["项目编码", "项目"]),
    ("declared_lead", None, &["登记主诊", "主诊"]),
    ("declared_operators", None, &["操作人员"]),
    ("start", None, &["开始时间", "开始"]),
    ("end", None, &["结束时间", "结束"]),
    ("cancelled", None, &["已取消", "取消"]),
    ("emergency", None, &["急救"]),
    ("declined", None, &["就诊者拒绝", "患者拒绝", "已拒绝"]),
    ("patient_ref", None, &["患者代号"]),
];

fn called(noun: Noun, column: &str) -> &'static [&'static str] {
    COLUMNS.iter().find(|c| c.0 == column && c.1.is_none_or(|of| of == noun)).map_or(&[], |c| c.2)
}

/// What a column is called on a page in Chinese; its own name where it has none.
pub(in crate::web) fn chinese(noun: Noun, column: &'static str) -> &'static str {
    called(noun, column).first().copied().unwrap_or(column)
}

/// Whether somebody who writes `typed` means this column.
pub(super) fn is_column(noun: Noun, column: &str, typed: &str) -> bool {
    let typed = text::folded(typed);
    column == typed || called(noun, column).iter().any(|name| text::folded(name) == typed)
}

/// Whether a column, or a word of a closed list, is called so in Chinese.
pub(in crate::web) fn is_ours(word: &str) -> bool {
    static ALL: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let columns = COLUMNS.iter().map(|c| c.2);
        let names = columns.chain(WORDS.iter().map(|w| w.2)).flatten();
        names.map(|name| text::folded(name)).collect()
    });
    ALL.contains(&text::folded(word))
}

/// Column, code, and what people write for it.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("category", "licensed_physician", &["执业医师", "医师"]),
    ("category", "assistant_physician", &["执业助理医师", "助理医师"]),
    ("category", "nurse", &["护士"]),
    ("category", "pharmacist", &["药师"]),
    ("category", "technician", &["技师"]),
    ("category", "trainee", &["实习/进修/规培", "实习", "进修", "规培"]),
    ("category", "non_clinical", &["非卫技人员", "非卫生技术人员"]),
    ("registration", "valid", &["有效"]),
    ("registration", "expired", &["已过期", "过期"]),
    ("registration", "suspended", &["暂停执业", "暂停"]),
    ("registration", "cancelled", &["已注销", "注销"]),
    ("registration", "revoked", &["已吊销", "吊销"]),
    ("registration", "pending", &["办理中"]),
    ("relation", "primary", &["主执业机构", "主要", "主要执业机构", "第一执业地点"]),
    ("relation", "filed_multi_site", &["多机构备案", "多点执业"]),
    ("relation", "exempt", &["法定例外", "医师法18条豁免", "豁免"]),
    ("relation", "none", &["未覆盖本机构", "无"]),
    ("mode", "in_room", &["室内连续", "室内"]),
    ("mode", "doorway", &["门口签到", "门口"]),
    ("kind", "surgery", &["手术"]),
    ("kind", "injection", &["注射"]),
    ("kind", "thread", &["埋线"]),
    ("kind", "energy_device", &["光电"]),
    ("kind", "other", &["其他"]),
    ("specialties", "cosmetic_surgery", &["美容外科"]),
    ("specialties", "cosmetic_dentistry", &["美容牙科"]),
    ("specialties", "cosmetic_dermatology", &["美容皮肤科"]),
    ("specialties", "cosmetic_tcm", &["美容中医科"]),
    ("roles", "anaesthesia", &["麻醉"]),
];

/// The closed list that a column takes its words from.
fn list_of(column: &str) -> &str {
    match column {
        "lead_of" => "specialties",
        "min_operator" => "category",
        other => other,
    }
}

/// What a code is called in Chinese; itself where it has no name.
pub(super) fn chinese_word<'a>(column: &str, code: &'a str) -> &'a str {
    let column = list_of(column);
    let found = WORDS.iter().find(|(of, known, _)| *of == column && *known == code);
    found.and_then(|word| word.2.first().copied()).unwrap_or(code)
}

/// The code of a word; a word that is none stays as it is, and is refused with its list later.
pub(super) fn code(column: &str, word: &str) -> String {
    let column = list_of(column);
    let typed = text::folded(word);
    let found = WORDS.iter().find(|(of, _, names)| {
        *of == column && names.iter().any(|name| text::folded(name) == typed)
    });
    found.map_or_else(|| word.to_owned(), |(_, code, _)| (*code).to_owned())
}

/// `1.10105E+17`: what a spreadsheet makes of a long number.
pub(super) fn is_shortened_number(cell: &str) -> bool {
    let Some((number, power)) = cell.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    // `1E5` may be a name that somebody gave; `1.2E5` and `1E+5` are none.
    let signed = power.starts_with('+') || number.contains('.');
    signed && digits(whole) && digits(rest) && digits(power.trim_start_matches('+'))
}

/// What a spreadsheet shows in the place of a value that it could not make.
const FORMULA_FAULTS: [&str; 10] = [
    "#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "#CALC!",
    "#DATA!",
];

pub(super) fn is_formula_fault(cell: &str) -> bool {
    FORMULA_FAULTS.contains(&cell.to_ascii_uppercase().as_str())
}

/// A day of a cell as the API takes it: as it is, or as a spreadsheet shows it; the midnight that
/// one writes behind it is no part of it.
pub(super) fn day(cell: &str) -> Result<String, String> {
    let shown = crate::clock::clip(cell, 40);
    let wrong = || format!("`{shown}` is no day such as 2028-12-31");
    let run_together = cell.len() == 8 && cell.bytes().all(|b| b.is_ascii_digit());
    if !run_together && cell.parse::<f64>().is_ok() {
        return Err(kept_number(&shown));
    }
    let plain = cell.replace(['/', '.', '年', '月'], "-").replace(['日', 'T'], " ");
    let (day, time) = plain.trim().split_once(' ').unwrap_or((plain.trim(), ""));
    if !time.trim().chars().all(|c| "0:-".contains(c)) {
        return Err(wrong());
    }
    let parts: Vec<&str> = if run_together {
        vec![&cell[..4], &cell[4..6], &cell[6..]]
    } else {
        day.split('-').collect()
    };
    let number = |text: &str| text.parse::<i8>().ok();
    let day = match parts[..] {
        [year, month, day] if year.len() == 4 => {
            let year = year.parse::<i16>().ok();
            year.zip(number(month).zip(number(day)))
        }
        _ => None,
    };
    let day = day.and_then(|(year, (month, day))| jiff::civil::Date::new(year, month, day).ok());
    day.map(|day| day.to_string()).ok_or_else(wrong)
}

fn kept_number(shown: &str) -> String {
    format!(
        "`{shown}` is a date as the number that a spreadsheet keeps: format the column as a date \
        and time, or as text"
    )
}

/// A time of a cell as the API takes it: RFC 3339 as it is, or as a clock of the clinic shows it.
pub(super) fn moment(cell: &str) -> Result<String, String> {
    let shown = crate::clock::clip(cell, 40);
    if cell.parse::<jiff::Timestamp>().is_ok() {
        return Ok(cell.to_owned());
    }
    if cell.parse::<f64>().is_ok() {
        return Err(kept_number(&shown));
    }
    let plain = cell.replace(['/', '年', '月'], "-").replace(['日', 'T'], " ");
    let mut parts = plain.split_whitespace();
    let wrong = || format!("`{shown}` is no time such as 2026-03-02 09:00");
    let day = parts.next().ok_or_else(wrong)?;
    let time = parts.next().unwrap_or("0:00");
    let numbers = |text: &str, sign: char| {
        text.split(sign).map(|n| n.parse::<i16>().ok()).collect::<Option<Vec<_>>>()
    };
    let (day, time) = (numbers(day, '-').ok_or_else(wrong)?, numbers(time, ':').ok_or_else(wrong)?);
    let ([year, month, day], [hour, minute, rest @ ..]) = (&day[..], &time[..]) else {
        return Err(wrong());
    };
    let small = |n: i16| i8::try_from(n).map_err(|_| wrong());
    let second = match rest {
        [] => 0,
        [second] => small(*second)?,
        _ => return Err(wrong()),
    };
    if parts.next().is_some() {
        return Err(wrong());
    }
    let civil = jiff::civil::DateTime::new(
        *year,
        small(*month)?,
        small(*day)?,
        small(*hour)?,
        small(*minute)?,
        second,
        0,
    );
    let zoned = civil.and_then(|at| at.to_zoned(crate::clock::zone())).map_err(|_| wrong())?;
    Ok(crate::clock::text(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_chinese_name_that_is_its_own() {
        for noun in Noun::ALL {
            let columns = noun.column_names();
            for column in &columns {
                let name = chinese(noun, column);
                assert_ne!(name, *column, "{noun:?}");
                let meant: Vec<_> = columns.iter().filter(|c| is_column(noun, c, name)).collect();
                assert_eq!(meant, [column], "{noun:?}: {name}");
            }
        }
    }

    #[test]
    fn words_are_read_in_both_languages() {
        for (column, word, wanted) in [
            ("category", "护士", "nurse"),
            ("category", "nurse", "nurse"),
            ("relation", "主要", "primary"),
            ("lead_of", "美容外科", "cosmetic_surgery"),
            ("min_operator", "执业医师", "licensed_physician"),
            ("category", "厨师", "厨师"),
        ] {
            assert_eq!(code(column, word), wanted, "{column} {word}");
        }
    }

    #[test]
    fn a_code_that_goes_out_as_a_word_comes_in_again() {
        for (column, known, _) in WORDS {
            let word = chinese_word(column, known);
            assert!(word != *known && code(column, word) == *known, "{column} {known} {word}");
        }
        assert_eq!(chinese_word("lead_of", "cosmetic_tcm"), "美容中医科");
        assert_eq!(chinese_word("filed_items", "nurse"), "nurse");
    }

    #[test]
    fn times_are_read_as_clocks_show_them() {
        for text in [
            "2026-03-02T01:00:00.000Z",
            "2026/3/2 9:00",
            "2026-03-02 09:00:00",
            "2026年3月2日 9:00",
            "2026-03-02T09:00:00",
        ] {
            let read: jiff::Timestamp = moment(text).unwrap().parse().unwrap();
            assert_eq!(read.to_string(), "2026-03-02T01:00:00Z", "{text}");
        }
        assert!(moment("46083.375").unwrap_err().contains("number that a spreadsheet"));
        for wrong in ["today", "2026-13-02 9:00", "2026-03-02 9:00 pm", "2026-03", ""] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_are_read_as_spreadsheets_show_them() {
        for text in [
            "2030-12-31",
            "2030/12/31",
            "2030.12.31",
            "2030年12月31日",
            "20301231",
            "2030-12-31 00:00:00",
            "2030-12-31T00:00:00",
        ] {
            assert_eq!(day(text).as_deref(), Ok("2030-12-31"), "{text}");
        }
        assert_eq!(day("2030/2/3").as_deref(), Ok("2030-02-03"));
        assert!(day("46083").unwrap_err().contains("number that a spreadsheet"));
        for wrong in ["30/12/31", "2030-13-01", "2030-12", "someday", "2030-12-31 09:00", "-"] {
            assert!(day(wrong).unwrap_err().contains("no day such as"), "{wrong}");
        }
    }

    #[test]
    fn the_fault_of_a_formula_is_known() {
        assert!(is_formula_fault("#REF!") && is_formula_fault("#n/a"));
        assert!(!is_formula_fault("#1") && !is_formula_fault("REF"));
    }

    #[test]
    fn a_shortened_number_is_known_and_a_name_is_none() {
        for number in ["1.10105E+17", "1E+14", "1.23e17"] {
            assert!(is_shortened_number(number), "{number}");
        }
        for name in ["1E5", "E12", "p-1E", "1.5", "12e", "e+1"] {
            assert!(!is_shortened_number(name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_cell_is_answered(cell in "\\PC{0,30}") {
            let _ = (moment(&cell), day(&cell), is_shortened_number(&cell));
        }
    }
}
