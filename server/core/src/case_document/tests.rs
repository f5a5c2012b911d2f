//! Each document by its text; numbers by schemes.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn facts() -> Facts {
    let value = |fact: Fact| match fact {
        Fact::Party => "锦城医疗美容门诊部".to_owned(),
        Fact::PartyCode => "91350100M000100Y43".to_owned(),
        Fact::Officers => "王督（A-1）、李督（A-2）".to_owned(),
        Fact::Basis => "医师法 第五十四条第三款（条号已据公开文本核对，待法制审核）".to_owned(),
        other => format!("〈{}〉", other.name()),
    };
    Fact::ALL.into_iter().map(|fact| (fact, value(fact))).collect()
}

#[test]
fn each_document_reads_as_it_was_approved() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/case_document/snapshots");
    for kind in Kind::ALL {
        let text = filled(kind, &facts());
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
    for kind in Kind::ALL {
        for asked in kind.template().split("{{").skip(1) {
            let name = asked.split("}}").next().unwrap();
            assert!(Fact::ALL.iter().any(|f| f.name() == name), "{}: {name}", kind.code());
        }
    }
}

#[test]
fn what_a_case_lacks_is_a_blank_to_fill_in() {
    for kind in Kind::ALL {
        let text = filled(kind, &Facts::new());
        assert!(text.contains(BLANK) && !text.contains('{'), "{}", kind.code());
    }
}

#[test]
fn before_the_decision_a_document_says_suspected() {
    for kind in [Kind::OpeningReport, Kind::PenaltyNotice, Kind::CorrectionOrder] {
        let text = filled(kind, &facts());
        assert!(text.contains("涉嫌") && !text.contains("经查"), "{}", kind.code());
    }
}

#[test]
fn a_number_follows_the_authoritys_scheme() {
    let number = Number { kind: Kind::Decision, year: 2026, serial: 7 };
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
        Kind::Decision,
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
        let facts = Facts::from([(Fact::Party, party.clone())]);
        prop_assert!(filled(Kind::ServiceReceipt, &facts).contains(party.trim()));
    }
}
