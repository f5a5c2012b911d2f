//! What a running server remembers between requests, so that a page that many screens reload costs
//! the store little. Nothing here is the truth: each is made of the store again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use trust::audit::Witnesses;

use crate::audit_head::Heads;
use crate::no_room::NoRoom;
use crate::store::{ChartScope, Figures, Store, StoreError};

const FRESH: Duration = Duration::from_mins(1);
const MOST_MADE: usize = 32;
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Figures are made from every lead of their days; what was made is shown again for a minute.
#[derive(Debug, Default)]
pub struct Made(Mutex<Vec<(ChartScope, Instant, Arc<Figures>)>>);

impl Made {
    /// The figures of a span, at most a minute old. Blocking.
    pub fn figures(&self, store: &Store, span: &ChartScope) -> Result<Arc<Figures>, StoreError> {
        let held = |made: &mut Vec<(ChartScope, Instant, Arc<Figures>)>| {
            made.retain(|(_, at, _)| at.elapsed() < FRESH);
            made.iter().find(|(of, _, _)| of == span).map(|(_, _, figures)| Arc::clone(figures))
        };
        if let Some(found) = held(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let figures = Arc::new(store.figures(span)?);
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MOST_MADE {
            made.remove(0);
        }
        made.push((span.clone(), Instant::now(), Arc::clone(&figures)));
        Ok(figures)
    }
}

/// How a look at the database went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writable {
    Yes,
    NoRoom(NoRoom),
    No,
}

/// Whether the database could be written: a look is a commit, and anybody may ask.
#[derive(Debug, Default)]
pub struct Probed(Mutex<Option<(Instant, Writable)>>);

impl Probed {
    /// At most a second old. Whoever asks meanwhile waits for the one look. Blocking.
    pub fn writable(&self, store: &Store) -> Writable {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, writable)) = &*last
            && at.elapsed() < PROBE_EVERY
        {
            return writable.clone();
        }
        let writable = match store.probe() {
            Ok(()) => Writable::Yes,
            Err(error) => error.no_room().map_or(Writable::No, Writable::NoRoom),
        };
        *last = Some((Instant::now(), writable.clone()));
        writable
    }
}

/// Where the audit log does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFault {
    /// The first entry that is missing or was changed.
    pub entry: i64,
    pub why: String,
}

/// What is remembered of the audit log's chain: how far it held, and when it was last walked as a
/// whole.
#[derive(Debug, Default)]
pub struct Walked(Mutex<Walk>);

#[derive(Debug, Default)]
struct Walk {
    /// The last entry that held, with its hash.
    last: i64,
    hash: String,
    /// When the whole log was walked last, and how long that took.
    whole: Option<(Instant, Duration)>,
}

/// A whole walk may take one part in so many of the time: a small log is walked at every look, a
/// large one less often.
const REST: u32 = 20;

impl Walked {
    /// The chain's verdict: it is unbroken, it still holds what this process saw of it and every
    /// signed head that is kept. `Ok(entries)`, or where it does not. What failed is never
    /// remembered as walked. Blocking.
    pub fn verdict(
        &self,
        store: &Store,
        heads: &Heads,
    ) -> Result<Result<i64, AuditFault>, StoreError> {
        let mut walk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = |entry: i64, why: &str| Ok(Err(AuditFault { entry, why: why.to_owned() }));
        if walk.last > 0 {
            match store.audit_hash(walk.last)? {
                None => {
                    return broken(
                        walk.last,
                        "this entry was seen here, and the log ends before it: it was cut off",
                    );
                }
                Some(hash) if hash != walk.hash => {
                    return broken(
                        walk.last,
                        "this entry is another than was seen here: it, or one before it, was \
                        rewritten",
                    );
                }
                Some(_) => {}
            }
        }
        let due = walk.whole.is_none_or(|(at, took)| at.elapsed() >= took.saturating_mul(REST));
        let from = if due { (0, String::new()) } else { (walk.last, walk.hash.clone()) };
        let began = Instant::now();
        let mut witnesses = match if due { heads.witnesses() } else { Ok(Witnesses::default()) } {
            Ok(witnesses) => witnesses,
            Err(error) => return broken(0, &error.to_string()),
        };
        let mut other = None;
        let compare = |entry: i64, hash: &str| {
            if let Err(why) = witnesses.compare(entry, hash) {
                other.get_or_insert(AuditFault { entry, why });
            }
        };
        let walked = store.walk_audit(from.0, &from.1, compare)?;
        let (last, hash) = match (walked, other) {
            (Err(entry), _) => {
                return broken(entry, "this entry was changed, or one before it is missing");
            }
            (Ok(_), Some(fault)) => return Ok(Err(fault)),
            (Ok(end), None) => end,
        };
        if let Err(why) = witnesses.all_reached(last) {
            return broken(last + 1, &why);
        }
        (walk.last, walk.hash) = (last, hash);
        if due {
            walk.whole = Some((began, began.elapsed()));
        }
        Ok(Ok(last))
    }
}
