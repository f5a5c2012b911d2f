//! Codes for whoever lost the second factor: ten, each works once in its place. They are shown when
//! they are made, and nowhere again.

use trust::sha256_hex;

use crate::access::totp;
use crate::app::App;
use crate::clock::At;
use crate::ids::AccountId;
use crate::problem::Problem;
use crate::store::StoreError;

const CODES: usize = 10;
/// 80 bits: nobody guesses one, whatever an attempt costs.
const CODE_BYTES: usize = 10;
const CODE_CHARS: usize = 16;

fn hash(account: &str, code: &str) -> String {
    sha256_hex(format!("recovery code of {account}: {code}"))
}

/// New codes in place of all earlier ones, in groups of four as people copy them; blocking.
pub(in crate::web) fn make(app: &App, account: &AccountId) -> Result<Vec<String>, Problem> {
    let (mut shown, mut hashes) = (Vec::with_capacity(CODES), Vec::with_capacity(CODES));
    for _ in 0..CODES {
        let mut bytes = [0u8; CODE_BYTES];
        getrandom::fill(&mut bytes).map_err(|e| Problem::internal(&e))?;
        let code = totp::base32(&bytes);
        hashes.push(hash(account, &code));
        let groups: Vec<&str> = (0..CODE_CHARS).step_by(4).map(|at| &code[at..at + 4]).collect();
        shown.push(groups.join("-"));
    }
    app.store.set_recovery_codes(account, &hashes, At::now())?;
    Ok(shown)
}

/// What was typed, where it has the form of a recovery code.
fn read(typed: &str) -> Option<String> {
    let folded = crate::text::folded(typed).to_uppercase();
    let code: String = folded.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let good = |c: char| c.is_ascii_uppercase() || ('2'..='7').contains(&c);
    (code.len() == CODE_CHARS && code.chars().all(good)).then_some(code)
}

/// Whether this is a recovery code of the account, and uses it up; `None` where it has not the form
/// of one. Blocking.
pub(in crate::web) fn take(
    app: &App,
    account: &AccountId,
    typed: &str,
) -> Result<Option<bool>, StoreError> {
    match read(typed) {
        Some(code) => Ok(Some(app.store.use_recovery_code(account, &hash(account, &code))?)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for typed in ["abcd-efgh-2345-67ab", " ABCDEFGH234567AB ", "ａｂｃｄ efgh 2345 67ab"] {
            assert_eq!(read(typed).as_deref(), Some("ABCDEFGH234567AB"), "{typed}");
        }
        for other in ["123456", "", "abcd-efgh-2345-67a", "abcd-efgh-2345-67a1"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
