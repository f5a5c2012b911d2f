//! Who took a step, as its reader may know: a clinic reads the logins of its own people; of
//! everybody else only that it was the authority. And in whose name a step is taken. It judges no
//! right.

use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::StoreError;

/// Stands for whoever of the authority it was.
pub(in crate::web) const AUTHORITY: &str = "authority";

/// What the house itself did, under a name that no account may have.
const OF_THE_HOUSE: [&str; 2] = ["facts", "(policy)"];

/// In whose name it is done.
pub(in crate::web) fn signer(who: &Who, given: Option<&str>) -> Result<String, Problem> {
    let by = who.signs_as(given.unwrap_or_default());
    if by.is_empty() || by.chars().count() > 100 {
        return Err(Problem::unprocessable("by: who does this, 1 to 100 characters"));
    }
    Ok(by)
}

/// One name, or several with commas between. Blocking.
pub(in crate::web) fn told(a: &App, who: &Who, by: &str) -> Result<String, StoreError> {
    if who.role != Role::Clinic || by.is_empty() || OF_THE_HOUSE.contains(&by) {
        return Ok(by.to_owned());
    }
    let mut names: Vec<String> = Vec::new();
    for name in by.split(", ") {
        let own = name == who.name
            || a.store
                .account_named(name)?
                .is_some_and(|it| it.role == Role::Clinic && it.scope == who.scope);
        let name = if own { name } else { AUTHORITY };
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names.join(", "))
}

/// The same of each step of a record. Blocking.
pub(in crate::web) fn told_of<T>(
    a: &App,
    who: &Who,
    mut steps: Vec<T>,
    by: impl Fn(&mut T) -> &mut String,
) -> Result<Vec<T>, StoreError> {
    for step in &mut steps {
        let name = by(step);
        *name = told(a, who, name)?;
    }
    Ok(steps)
}
