//! Every statement has a sentence in both languages: the committed ones letter for letter, and what
//! holds for whatever figures come. `UPDATE_EXPECT=1` writes them anew after a sentence was changed
//! on purpose.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod boxes;
mod servers;

use protocol::up::Explanation;

/// What a test asks of a statement; made by a match over all of them.
#[derive(Debug)]
struct About {
    /// Counts the kinds from 0.
    kind: usize,
    /// It suspects somebody or something, and has to say so.
    suspects: bool,
    /// Whom and what it names.
    ids: Vec<String>,
}

fn about(kind: usize, suspects: bool, ids: &[&str]) -> About {
    About { kind, suspects, ids: ids.iter().map(|id| (*id).to_owned()).collect() }
}

/// What holds of each sentence. The ids and the period in it are digits and dashes alone.
fn holds(said: &Explanation, about: &About) -> Result<(), String> {
    let Explanation { zh, en } = said;
    let says = |it: bool, what: &str| if it { Ok(()) } else { Err(format!("{what}: {said:?}")) };
    says(zh.contains("疑似") == about.suspects, "疑似")?;
    says(en.to_lowercase().contains("suspected") == about.suspects, "suspected")?;
    for verdict in ["违法", "illegal", "violat", "guilty"] {
        says(!zh.contains(verdict) && !en.contains(verdict), "a verdict")?;
    }
    let named = |id: &String| zh.contains(id.as_str()) && en.contains(id.as_str());
    says(about.ids.iter().all(named), "an id is not named")?;
    for odd in [
        "_", "{", "}", "  ", "（）", "()", "“”", "``", "：。", "；。", "，。", "、。", ", .", "; .",
    ] {
        says(!zh.contains(odd) && !en.contains(odd), "a raw key or an empty piece")?;
    }
    let half_width = |c: char| ",;:!?()'\"`".contains(c);
    says(!zh.contains(half_width), "half-width punctuation")?;
    let letters = zh.replace("MiB", "");
    says(!letters.contains(|c: char| c.is_ascii_alphabetic()), "English in Chinese")?;
    says(en.is_ascii() && !en.contains(" ,") && !en.contains(" ."), "Chinese in English")?;
    says(en.starts_with(|c: char| c.is_ascii_uppercase()), "a sentence begins")?;
    says(zh.trim() == zh && en.trim() == en && !zh.is_empty() && !en.is_empty(), "blanks")
}
