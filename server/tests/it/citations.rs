//! Finds the articles of laws in a text, and whether each says how far it was read, and says that
//! of itself: what a table read in full is not to lend its mark to what nobody has seen.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use law::{Grade, Mark, Matter, Table};

/// Within so many characters behind an article its mark stands: the words of the law lie between.
const NEAR: usize = 260;

/// Marks that no grade has: a lawyer's word, those of a note about a law, grades as a program reads
/// them.
const OTHER_MARKS: [&str; 12] = [
    "法制审核确认",
    "待法制审核",
    "待核",
    "confirmed in",
    "legal review to come",
    "to be verified",
    "confirmedin",
    "legalreviewtocome",
    "tobeverified",
    "|full_text",
    "|excerpt",
    "|derived",
];

/// Elements whose text is read as one.
const BLOCKS: [&str; 26] = [
    "p", "li", "tr", "dd", "dt", "h1", "h2", "h3", "h4", "section", "option", "label", "legend",
    "summary", "header", "footer", "div", "details", "form", "ul", "ol", "table", "main", "nav",
    "button", "br",
];

/// In both languages, and as a paper's text has it, whose lines break anywhere.
fn mark_of(grade: Grade) -> [String; 3] {
    let mark = Mark::Unconfirmed { grade };
    [mark.zh(), mark.en(), mark.en().replace(' ', "")]
}

/// The marks of all grades, in both languages.
static GRADE_MARKS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let grades = [Grade::FullText, Grade::Excerpt, Grade::Derived, Grade::Memory];
    grades.into_iter().flat_map(mark_of).collect()
});

/// The articles of each instrument of the table, with the marks under which they stand there.
type Known = BTreeMap<String, BTreeMap<String, Vec<String>>>;

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let table = Table::shipped();
    let mut known = Known::new();
    for legal in Matter::ALL.into_iter().filter_map(|matter| table.of(matter, None)) {
        for c in legal.basis.into_iter().chain(legal.penalties) {
            if let Mark::Unconfirmed { grade } = c.mark {
                let articles = known.entry(c.law).or_default();
                articles.entry(c.article).or_default().extend(mark_of(grade));
            }
        }
    }
    known
});

/// Where an article is cited: in Chinese, by a bare number behind an instrument, in English.
fn cited(chars: &[char]) -> Vec<usize> {
    (0..chars.len()).filter(|at| chinese(chars, *at) || by_number(chars, *at)).collect()
}

fn chinese(chars: &[char], at: usize) -> bool {
    let digits = "一二三四五六七八九十百零〇0123456789 ";
    if chars[at] != '第' {
        return false;
    }
    let number = chars[at + 1..].iter().take_while(|c| digits.contains(**c)).count();
    let behind = |n: usize| chars.get(at + 1 + number + n);
    let other = matches!(behind(1), Some('例' | '件' | '目'));
    // The clause of an agreement is no law.
    let before: String = chars[at.saturating_sub(24)..at].iter().collect();
    let agreed = ["协议", "承诺书"].iter().any(|word| before.contains(word));
    number > 0 && behind(0) == Some(&'条') && !other && !agreed
}

fn by_number(chars: &[char], at: usize) -> bool {
    let digit = |n: usize| chars.get(n).is_some_and(char::is_ascii_digit);
    if !digit(at) || (at > 0 && digit(at - 1)) {
        return false;
    }
    let number = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
    if number > 3 || matches!(chars.get(at + number), Some('年' | '月' | '日' | '号' | '%')) {
        return false;
    }
    let before: String = chars[at.saturating_sub(24)..at].iter().collect();
    let before = before.trim_end_matches([' ', '》', '\u{a0}']);
    let no_law = ["方法", "无法", "依法", "合法", "违法", "执法", "设法", "做法", "办案规定"];
    let instrument = ["法", "条例", "办法", "规定", "细则", "解释"];
    let chinese = instrument.iter().any(|end| before.ends_with(end))
        && !no_law.iter().any(|end| before.ends_with(end));
    let notice = before.ends_with('号') && before.contains('〕');
    let english = before.to_lowercase();
    let english = ["article", "articles", "art.", "pipl"].iter().any(|end| english.ends_with(end));
    chinese || notice || english
}

/// The first mark behind, whose it is.
fn first_mark(behind: &str) -> Option<(usize, String)> {
    let graded = GRADE_MARKS.iter().filter_map(|m| behind.find(m).map(|at| (at, m.clone())));
    let others = OTHER_MARKS.iter().filter_map(|m| behind.find(m).map(|at| (at, (*m).to_owned())));
    // Of two that begin together or within each other the longer one is meant.
    let all: Vec<(usize, String)> = graded.chain(others).collect();
    let whole = all.iter().filter(|(at, m)| {
        !all.iter().any(|(other, long)| {
            long.len() > m.len() && other <= at && at + m.len() <= other + long.len()
        })
    });
    whole.min_by_key(|(at, _)| *at).cloned()
}

/// What is wrong with the articles of one text.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for at in cited(&chars) {
        let behind: String = chars[at..].iter().take(NEAR).collect();
        if first_mark(&behind).is_none() {
            let around = &chars[at.saturating_sub(20)..chars.len().min(at + 30)];
            found.push(format!("no mark: {}", around.iter().collect::<String>()));
        }
    }
    found.extend(foreign_marks(text));
    found
}

/// Articles whose mark is another's.
fn foreign_marks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (law, articles) in KNOWN.iter() {
        for (at, _) in text.match_indices(law) {
            let rest = text[at + law.len()..].trim_start_matches([' ', '》', '\u{a0}', '\n']);
            for (article, own) in articles {
                let Some(behind) = rest.strip_prefix(article) else { continue };
                let longer = ["第", "之", "、", "至"].iter().any(|more| behind.starts_with(more));
                let near: String = behind.chars().take(NEAR).collect();
                let Some((_, mark)) = first_mark(&near).filter(|_| !longer) else { continue };
                if GRADE_MARKS.contains(&mark) && !own.contains(&mark) {
                    found.push(format!("{law}{article} bears another's mark: {mark}"));
                }
            }
        }
    }
    found
}

/// How many articles a text cites.
pub(crate) fn count(text: &str) -> usize {
    cited(&text.chars().collect::<Vec<_>>()).len()
}

/// The texts of a page, one of each element; what is typed line by line.
pub(crate) fn blocks(page: &str) -> Vec<String> {
    let (mut all, mut text) = (Vec::new(), String::new());
    let (mut typed, mut silent) = (false, false);
    let mut pieces = page.split('<');
    pieces.next();
    for piece in pieces {
        let (tag, behind) = piece.split_once('>').unwrap_or((piece, ""));
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or_default();
        match name {
            "textarea" | "pre" => typed = !tag.starts_with('/'),
            "script" | "style" | "svg" => silent = !tag.starts_with('/'),
            _ => {}
        }
        if BLOCKS.contains(&name) || matches!(name, "textarea" | "pre") {
            all.push(std::mem::take(&mut text));
        }
        for spoken in ["placeholder=\"", "title=\"", "aria-label=\""] {
            if let Some((_, value)) = tag.split_once(spoken) {
                all.push(value.split('"').next().unwrap_or_default().to_owned());
            }
        }
        match (silent, typed) {
            (true, _) => {}
            (false, true) => {
                let mut lines = behind.lines().map(str::to_owned).collect::<Vec<_>>();
                text.push_str(&lines.pop().unwrap_or_default());
                all.append(&mut lines);
            }
            (false, false) => {
                text.push_str(&behind.replace('\n', " "));
            }
        }
    }
    all.push(text);
    all.retain(|block| !block.trim().is_empty());
    all
}

#[test]
fn an_article_without_a_mark_is_seen_in_either_language() {
    for bare in [
        "依据医师法第五十四条第三款处理",
        "依据《行政处罚法》第 41 条处理",
        "依据：医疗美容服务管理办法 11",
        "so article 57 may not fit",
        "may be a crime (法释〔2016〕27号 1(二))",
        "Basis: PIPL 26",
    ] {
        assert_eq!(faults(bare).len(), 1, "{bare}");
    }
    for good in [
        "医师法第五十四条（条号及版次待核之外另有说明，待核）",
        "Basis: 医疗美容服务管理办法 11 (checked with an excerpt; legal review to come)",
        "第三诊室、第十一个条目，第二条例外、处理办法 2026年",
        "试点协议（2026-01-05）第七条",
    ] {
        assert_eq!(faults(good), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn an_article_under_anothers_mark_is_seen() {
    let memory = "条号及版次待核";
    let read = "条号已据公开文本核对，待法制审核";
    assert_eq!(faults(&format!("医师法第五十四条第三款（{read}）")), Vec::<String>::new());
    assert_eq!(faults(&format!("医师法第五十四条第三款（{memory}）")).len(), 1);
    assert_eq!(faults(&format!("医疗美容项目分级管理目录 全文（{read}）")).len(), 1);
    let confirmed = "医疗美容项目分级管理目录 全文（2026-11-30 经 wang 法制审核确认）";
    assert_eq!(faults(confirmed), Vec::<String>::new());
}

#[test]
fn a_page_is_read_element_by_element() {
    let page = "<body><p>医师法 <b>第一条</b></p><li title=\"第二条\">（待核）</li>\
        <textarea>甲第三条\n乙（待核）</textarea><script>第四条</script></body>";
    let read = blocks(page);
    assert_eq!(read, ["医师法 第一条", "第二条", "（待核）", "甲第三条", "乙（待核）"]);
    let bare: Vec<String> = read.iter().flat_map(|block| faults(block)).collect();
    assert_eq!(bare.len(), 3, "{bare:?}");
}
