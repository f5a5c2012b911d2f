//! What a running server remembers between requests, so that a page that many screens reload costs the store little.
//! Nothing here is the truth: each is made of the store again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Figures, Span, Store, StoreError};

const FRESH: Duration = Duration::from_mins(1);
const MOST_MADE: usize = 32;
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Figures are made from every lead of their days; what was made is shown again for a minute.
#[derive(Debug, Default)]
pub struct Made(Mutex<Vec<(Span, Instant, Arc<Figures>)>>);

impl Made {
    /// The figures of a span, at most a minute old. Blocking.
    pub fn figures(&self, store: &Store, span: &Span) -> Result<Arc<Figures>, StoreError> {
        let held = |made: &mut Vec<(Span, Instant, Arc<Figures>)>| {
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

/// Whether the database could be written: a look is a commit, and anybody may ask.
#[derive(Debug, Default)]
pub struct Probed(Mutex<Option<(Instant, bool)>>);

impl Probed {
    /// At most a second old. Whoever asks meanwhile waits for the one look. Blocking.
    pub fn writable(&self, store: &Store) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, writable)) = *last
            && at.elapsed() < PROBE_EVERY
        {
            return writable;
        }
        let writable = store.is_writable();
        *last = Some((Instant::now(), writable));
        writable
    }
}

/// Up to which entry the audit log's chain was walked since this process started: the next look goes on from there.
#[derive(Debug, Default)]
pub struct Walked(Mutex<(i64, String)>);

impl Walked {
    /// The whole chain's verdict, asked of what is new alone: `Ok(entries)`, or the first that does not hold. Blocking.
    pub fn verdict(&self, store: &Store) -> Result<Result<i64, i64>, StoreError> {
        let from = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match store.verify_audit_after(from.0, &from.1)? {
            Ok((last, hash)) => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (last, hash);
                Ok(Ok(last))
            }
            Err(first) => Ok(Err(first)),
        }
    }
}
