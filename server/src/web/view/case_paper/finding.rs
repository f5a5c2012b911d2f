//! One finding on the paper of its case: what was found, of whom in which part, by which figures,
//! and the law that it stands under.

use ::law::Legal;
use protocol::up::FindingReport;

use super::CaseFile;
use crate::alert_view::FindingSeen;
use crate::paper::Block;
use crate::text::id_replaced;
use crate::web::view::law_words::{against, in_force};
use crate::web::view::names::beside;
use crate::web::view::times::dated;
use crate::web::view::words::{Lang, level};

/// One finding: its words, whom it names, the basis, the manifest and the place in the chain.
pub(super) fn found(l: Lang, case: &CaseFile, finding: &FindingSeen, out: &mut Vec<Block>) {
    let FindingSeen { report, chain, legal, .. } = finding;
    out.push(Block::Text(format!(
        "{} · {} · L{}",
        report.rule,
        l.finding_kind(report.kind),
        level(report.severity)
    )));
    let words = l.t(&report.explanation.zh, &report.explanation.en).to_owned();
    let words = case.persons.iter().fold(words, |words, known| {
        id_replaced(&words, known.id.as_str(), &beside(l, &known.name.0, known.id.as_str()))
    });
    out.push(Block::Text(words));
    for person in &report.persons {
        let id = person.person.as_str();
        let known = case.persons.iter().find(|known| known.id == person.person);
        let said = known.map_or_else(
            || id.to_owned(),
            |known| {
                let category = l.category(known.category);
                beside(l, &known.name.0, &format!("{category}{}{id}", l.t("，", ", ")))
            },
        );
        out.push(Block::Pair(l.part(&person.part).to_owned(), said));
    }
    if let Some(legal) = legal {
        law(l, case, legal, out);
    }
    figures(l, report, out);
    for interval in &report.intervals {
        let span = format!("{} – {}", dated(&interval.from), dated(&interval.to));
        out.push(Block::Pair(l.interval(&interval.what).to_owned(), span));
    }
    let manifest = &report.manifest;
    let made_with = [
        (l.t("固件", "Firmware"), &manifest.firmware),
        (l.t("模型包 SHA-256", "Pack SHA-256"), &manifest.pack_sha256),
        (l.t("配置 SHA-256", "Configuration SHA-256"), &manifest.config_sha256),
        (l.t("策略 SHA-256", "Policy SHA-256"), &manifest.policy_sha256),
        (l.t("记录链哈希", "Chain hash"), &chain.hash),
        (l.t("前一条", "Previous"), &chain.prev),
        (l.t("签名密钥", "Signing key"), &chain.key_id),
    ];
    for (name, said) in made_with.into_iter().filter(|(_, said)| !said.is_empty()) {
        out.push(Block::Small(format!("{name} {said}")));
    }
    out.push(Block::Gap);
}

/// The figures that the finding rests on, and how sure its box was.
fn figures(l: Lang, report: &FindingReport, out: &mut Vec<Block>) {
    let counts: Vec<String> = report
        .counts
        .iter()
        .map(|count| {
            format!(
                "{} {}",
                l.figure(&count.name),
                l.figure_value(count.name.as_str(), count.value)
            )
        })
        .collect();
    if !counts.is_empty() {
        let name = l.t("依据数据", "Figures used").to_owned();
        out.push(Block::Pair(name, counts.join(l.t("；", "; "))));
    }
    let sure = &report.confidence;
    let sure = [
        ("identity_ppm", l.t("身份", "identity"), sure.identity_ppm),
        ("role_ppm", l.t("角色", "role"), sure.role_ppm),
        ("session_ppm", l.t("诊疗活动", "session"), sure.session_ppm),
        ("visibility_ppm", l.t("画面可见度", "visibility"), sure.visibility_ppm),
    ]
    .map(|(name, word, ppm)| format!("{word} {}", l.figure_value(name, ppm.into())));
    out.push(Block::Pair(l.t("置信度", "Confidence").to_owned(), sure.join(l.t("；", "; "))));
}

/// Basis and penalty with how far each was read; never an article without its mark.
fn law(l: Lang, case: &CaseFile, legal: &Legal, out: &mut Vec<Block>) {
    let lists = [
        (&legal.basis, l.t("可能涉及的依据", "Candidate basis")),
        (&legal.penalties, l.t("罚则", "Penalty")),
    ];
    for (list, title) in lists {
        for cited in list {
            let read = [
                cited.edition.clone(),
                in_force(l, &cited.in_force),
                l.t(&cited.mark.zh(), &cited.mark.en()).to_owned(),
            ];
            let words = [&cited.law, &cited.article, &cited.text].map(String::as_str);
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let said = match l {
                Lang::Zh => format!("{}（{}）", words.join(" "), read.join("；")),
                Lang::En => format!("{} ({})", words.join(" "), read.join("; ")),
            };
            let whom = cited.against.map_or_else(String::new, |whom| match l {
                Lang::Zh => format!("（对{}）", against(l, whom)),
                Lang::En => format!(" (against {})", against(l, whom)),
            });
            out.push(Block::Pair(format!("{title}{whom}"), said));
        }
    }
    let said = [(&legal.none_zh, &legal.none_en), (&legal.caution_zh, &legal.caution_en)];
    for (zh, en) in said {
        let said = l.t(zh, en);
        if !said.is_empty() {
            out.push(Block::Small(said.to_owned()));
        }
    }
    out.push(Block::Small(format!(
        "{} {}",
        l.t("依据与罚则表", "Table of basis and penalty"),
        case.whole.law.table_version
    )));
}
