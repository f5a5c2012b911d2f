//! Each document by its text; numbers by schemes.

use std::path::PathBuf;

use proptest::prelude::*;

use super::template::BLANK;
use super::*;

fn facts() -> CaseFacts {
    let value = |fact: CaseFact| match fact {
        CaseFact::Party => "锦城医疗美容门诊部".to_owned(),
        CaseFact::PartyCode => "91350100M000100Y43".to_owned(),
        CaseFact::Officers => "王督（A-1）、李督（A-2）".to_owned(),
        CaseFact::Basis => "医师法 第五十四条第三款（条号已据公开文本核对，待法制审核）".to_owned(),
        other => format!("〈{}〉", other.name()),
    };
    CaseFact::ALL.into_iter().map(|fact| (fact, value(fact))).collect()
}

#[test]
fn each_document_reads_as_it_was_approved() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/case_document/snapshots");
    for kind in DocumentKind::ALL {
        let text = filled(kind.template(), &facts());
        let path = folder.join(format!("{}.txt", kind.code()));
        if std::env::var_os("ZAIGANG_BLESS").is_some() {
            std::fs::write(&path, format!("{text}\n")).unwrap();
        }
        let approved = std::fs::read_to_string(&path).unwrap();
        assert_eq!(format!("{text}\n"), approved, "{}: ZAIGANG_BLESS=1 renews it", kind.code());
    }
}

#[test]
fn a_template_asks_for_nothing_unknown() {
    for kind in DocumentKind::ALL {
        for asked in kind.template().split("{{").skip(1) {
            let name = asked.split("}}").next().unwrap();
            assert!(CaseFact::ALL.iter().any(|f| f.name() == name), "{}: {name}", kind.code());
        }
    }
}

#[test]
fn each_shipped_template_may_be_saved_as_it_is() {
    for kind in DocumentKind::ALL {
        assert_eq!(check_template(kind, kind.template()), Ok(()), "{}", kind.code());
    }
}

/// No article stands in a template's own words: the law table has them, with their marks.
#[test]
fn no_template_cites_an_article_by_itself() {
    for kind in DocumentKind::ALL {
        for line in kind.template().lines() {
            let numbered = line.split('第').skip(1).any(|rest| {
                let number: String = rest
                    .chars()
                    .take_while(|c| "一二三四五六七八九十百零0123456789".contains(*c))
                    .collect();
                !number.is_empty() && rest[number.len()..].starts_with('条')
            });
            assert!(!numbered, "{}: {line}", kind.code());
        }
    }
}

#[test]
fn a_template_without_what_the_law_wants_said_is_refused() {
    for kind in DocumentKind::ALL {
        for fact in kind.must_say() {
            let without = kind.template().replace(&format!("{{{{{}}}}}", fact.name()), "略");
            assert_eq!(check_template(kind, &without), Err(TemplateFault::Missing(*fact)));
        }
    }
    let unknown = format!("{}{{{{姓明}}}}", DocumentKind::Decision.template());
    let fault = check_template(DocumentKind::Decision, &unknown).unwrap_err();
    assert_eq!(fault, TemplateFault::Unknown("姓明".into()));
    assert!(fault.zh().contains("姓明"));
    let open = format!("{}{{{{当事人", DocumentKind::Decision.template());
    assert_eq!(check_template(DocumentKind::Decision, &open), Err(TemplateFault::Open));
    assert_eq!(check_template(DocumentKind::Decision, " "), Err(TemplateFault::Length));
}

#[test]
fn what_a_case_lacks_is_a_blank_to_fill_in() {
    for kind in DocumentKind::ALL {
        let text = filled(kind.template(), &CaseFacts::new());
        assert!(text.contains(BLANK) && !text.contains('{'), "{}", kind.code());
    }
}

#[test]
fn before_the_decision_a_document_says_suspected() {
    for kind in
        [DocumentKind::OpeningReport, DocumentKind::PenaltyNotice, DocumentKind::CorrectionOrder]
    {
        let text = filled(kind.template(), &facts());
        assert!(text.contains("涉嫌") && !text.contains("经查"), "{}", kind.code());
    }
}

#[test]
fn a_number_follows_the_authoritys_scheme() {
    let number = DocumentNumber { kind: DocumentKind::Decision, year: 2026, serial: 7 };
    assert_eq!(Scheme::default().of(number), "罚〔2026〕7号");
    let own = Scheme::parse("川卫医{kind}〔{year}〕{n}号").unwrap();
    assert_eq!(own.of(number), "川卫医罚〔2026〕7号");
    for bad in ["〔{year}〕{n}号", "{kind}{year}", "{kind}{year}{n}{n}", "{kind}{year}{n}{x}"] {
        assert!(Scheme::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_document_has_its_heading_title_and_number() {
    let blocks = blocks(
        "锦城市卫生健康委员会",
        DocumentKind::Decision,
        "罚〔2026〕1号",
        "# 决定\n\n罚款",
        &["本记录为线索".into()],
    );
    assert_eq!(blocks[0], Block::Centred("锦城市卫生健康委员会".into()));
    assert_eq!(blocks[1], Block::Centred("行政处罚决定书".into()));
    assert_eq!(blocks[2], Block::Text("罚〔2026〕1号".into()));
    assert_eq!(
        blocks[4..],
        [
            Block::Heading("决定".into()),
            Block::Gap,
            Block::Text("罚款".into()),
            Block::Gap,
            Block::Text("本记录为线索".into())
        ]
    );
}

proptest! {
    /// A value is never read as a name, whatever a clinic calls itself.
    #[test]
    fn a_value_with_braces_stays_what_it_is(name in "\\PC{0,40}") {
        let party = format!("{{{{承办人}}}}{name}");
        let facts = CaseFacts::from([(CaseFact::Party, party.clone())]);
        prop_assert!(filled(DocumentKind::ServiceReceipt.template(), &facts).contains(party.trim()));
    }

    /// No text stops the reader of templates, and what it takes it also fills whole.
    #[test]
    fn a_template_that_is_taken_leaves_no_name_behind(text in "(\\PC|\\{\\{|\\}\\}|\n){0,60}") {
        for kind in [DocumentKind::InspectionRecord, DocumentKind::ServiceReceipt] {
            let own = format!("{}{text}", kind.template());
            if check_template(kind, &own).is_ok() {
                prop_assert!(!filled(&own, &CaseFacts::new()).contains("{{"));
            }
        }
    }
}
