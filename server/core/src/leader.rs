//! Whether this server leads the work that must be done once: rules across days, retention,
//! notices, what boxes have not answered. One server of a store does; each looks every second
//! whether the seat is free.
//!
//! A leader that dies is followed at the next look. One that stands still is unseated after
//! [`SILENT`], knows by its own clock that its lead is over when it wakes, and could write nothing
//! under its old epoch in any case ([`crate::store::under`]). The decision is pure; nothing here
//! does any of the work.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use trust::SigningKey;

use crate::clock::{self, At};
use crate::low_priority;
use crate::set_up_fault::SetUpFault;
use crate::store::{Address, Epoch, Instance, Look, Seat, Store, StoreError};

/// Between two looks.
const ROUND: Duration = Duration::from_secs(1);
/// A leader that was not seen for so long leads no more, in its own eyes and in the others'.
const SILENT: Duration = Duration::from_secs(6);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    #[default]
    Following,
    Leading(Epoch),
}

/// What follows from a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Nothing,
    /// The holder stands still: it is put out of the seat.
    Unseat,
}

impl Standing {
    /// `None`: the seat could not be looked at, and whatever was held is lost.
    fn after(look: Option<Look>) -> (Self, Act) {
        match look {
            Some(Look::Ours(epoch)) => (Self::Leading(epoch), Act::Nothing),
            Some(Look::Others { silent_ms }) if silent_ms > SILENT.as_millis() as i64 => {
                (Self::Following, Act::Unseat)
            }
            Some(Look::Others { .. }) | None => (Self::Following, Act::Nothing),
        }
    }

    /// What of it still holds so long after the look began.
    fn still(self, since_look: Duration) -> Option<Epoch> {
        match self {
            Self::Leading(epoch) if since_look < SILENT => Some(epoch),
            _ => None,
        }
    }
}

/// What this server knows of its own lead.
#[derive(Debug, Default)]
pub struct Leader(Mutex<Option<(Standing, Instant)>>);

impl Leader {
    /// Under which this server leads now; nothing where it does not.
    pub fn epoch(&self) -> Option<Epoch> {
        self.lock().and_then(|(standing, looked)| standing.still(looked.elapsed()))
    }

    /// Looks at the seat once. Blocking.
    pub fn look(&self, seat: &mut Seat, store: &Store) -> Result<(), StoreError> {
        let began = Instant::now();
        let looked = seat.look(store, clock::now());
        let (standing, act) = Standing::after(looked.as_ref().ok().copied());
        let before = self.lock().replace((standing, began)).map(|(standing, _)| standing);
        if before.unwrap_or_default() != standing {
            tracing::info!(?standing, "the lead of the work that one server does");
        }
        if act == Act::Unseat {
            tracing::warn!("the leading server stands still: its seat is taken");
            seat.unseat()?;
        }
        looked.map(drop)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Standing, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who this server is: two on one machine differ by their ports.
pub fn instance(http: SocketAddr, signer: &SigningKey) -> Instance {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Instance {
        id: format!("{}:{}", host.trim(), http.port()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since: At::now(),
        signing_key: signer.verifying_key().to_base64(),
    }
}

/// Takes the lead where nobody has it. Then no other server lives, and no box is connected.
pub fn take_part(
    at: &Address,
    store: &Store,
    instance: &Instance,
) -> anyhow::Result<(Arc<Leader>, Seat)> {
    if let Some(other) = store.other_signer(&instance.signing_key, clock::now())? {
        let why = format!(
            "the server {other} over this store signs with another key, and boxes believe one: \
            copy its `data_dir` and master key here before the first start"
        );
        return Err(SetUpFault(why).into());
    }
    let mut seat = Seat::new(at.clone(), instance.clone());
    let leader = Arc::new(Leader::default());
    leader.look(&mut seat, store)?;
    if leader.epoch().is_some() {
        store.all_offline()?;
    }
    Ok((leader, seat))
}

/// Looks until the server stops; then the seat is free.
pub async fn run(
    leader: Arc<Leader>,
    mut seat: Seat,
    store: Arc<Store>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    while low_priority::next_round(&mut tick, &mut stopping).await {
        let (leader, store) = (Arc::clone(&leader), Arc::clone(&store));
        let looked = tokio::task::spawn_blocking(move || {
            let looked = leader.look(&mut seat, &store);
            (seat, looked)
        });
        let fault = match looked.await {
            Ok((back, looked)) => {
                seat = back;
                looked.err()
            }
            Err(error) => {
                tracing::error!(%error, "this server looks for the lead no more");
                return;
            }
        };
        // Once: it is looked again each second.
        if let Some(error) = fault.as_ref().filter(|_| !away) {
            tracing::warn!(%error, "who leads can not be seen: it is looked again");
        }
        away = fault.is_some();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whoever_holds_the_seat_leads_under_its_epoch() {
        let held = Standing::after(Some(Look::Ours(Epoch(3))));
        assert_eq!(held, (Standing::Leading(Epoch(3)), Act::Nothing));
        let again = Standing::after(Some(Look::Ours(Epoch(5))));
        assert_eq!(again.0, Standing::Leading(Epoch(5)), "lost and taken again in one look");
    }

    #[test]
    fn a_look_that_fails_ends_the_lead() {
        assert_eq!(Standing::after(None), (Standing::Following, Act::Nothing));
    }

    #[test]
    fn a_silent_holder_is_unseated_and_a_live_one_not() {
        let act = |silent_ms| Standing::after(Some(Look::Others { silent_ms })).1;
        assert_eq!(act(5_900), Act::Nothing);
        assert_eq!(act(6_001), Act::Unseat);
        assert_eq!(act(-50_000), Act::Nothing, "a clock that was set back");
    }

    #[test]
    fn a_leader_that_slept_knows_so_when_it_wakes() {
        let leading = Standing::Leading(Epoch(2));
        assert_eq!(leading.still(Duration::from_secs(5)), Some(Epoch(2)));
        assert_eq!(leading.still(SILENT), None);
    }

    proptest! {
        /// Nobody leads who does not sit there, and whoever is unseated was silent for longer than
        /// it believes itself to lead.
        #[test]
        fn others_never_lead_and_none_is_unseated_early(silent_ms: i64) {
            let (standing, act) = Standing::after(Some(Look::Others { silent_ms }));
            prop_assert_eq!(standing.still(Duration::ZERO), None);
            if act == Act::Unseat {
                let leading = Standing::Leading(Epoch(1));
                prop_assert_eq!(leading.still(Duration::from_millis(silent_ms as u64)), None);
            }
        }
    }
}
