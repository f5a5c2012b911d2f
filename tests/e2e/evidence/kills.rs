//! SIGKILL of the real server in each state of an opening, before its step counts and after, and of
//! the box beside it: nothing is half open, nothing is lost, nothing is opened twice.

use std::time::Duration;

use e2e::boxes::until;
use protocol::evidence::ReleaseOrder;
use serde_json::Value;

use super::{House, opens_with_both_halves, picture};

impl House {
    /// SIGKILL, and a new start over the same files.
    fn killed(&mut self) {
        self.server.kill().unwrap();
        self.server = self.plan.start(&[]).unwrap().0;
    }

    /// From here on the server dies where it reaches this place, on its own.
    fn dies_at(&mut self, place: &str) {
        self.server.kill().unwrap();
        self.server = self.plan.start(&[("ZAIGANG_KILL_AT", place)]).unwrap().0;
    }

    /// It has died there; a new start over the same files.
    fn died(&mut self) {
        self.dies();
        self.killed();
    }

    fn dies(&mut self) {
        let ended = self.server.wait(Duration::from_mins(2)).unwrap();
        assert!(ended.is_some(), "the server lives:\n{}", self.server.log_tail());
    }

    /// The server is killed over this step before it counts: it never was. It is killed after: it
    /// was, and who asks again is told so.
    fn step(
        &mut self,
        (before, after): (Option<&str>, &str),
        order: &ReleaseOrder,
        take: impl Fn(&Self) -> anyhow::Result<Value>,
    ) {
        self.dies_at("evidence.before_commit:1");
        assert!(take(self).is_err(), "nobody answers");
        self.died();
        assert_eq!(self.stands(order).as_deref(), before, "killed before {after}");
        self.dies_at("evidence.committed:1");
        assert!(take(self).is_err(), "nobody answers");
        self.died();
        assert_eq!(self.stands(order).as_deref(), Some(after), "killed after it");
        self.killed();
        assert_eq!(self.stands(order).as_deref(), Some(after), "killed in it");
    }

    /// `None` where the server knows of no such opening.
    fn stands(&self, order: &ReleaseOrder) -> Option<String> {
        let path = format!("/api/v1/evidence/requests/{}", order.order);
        let answer = self.li.user.get(&path).unwrap();
        if answer.status == 404 {
            return None;
        }
        Some(answer.ok().unwrap()["opening"]["state"].as_str().unwrap().to_owned())
    }

    /// How often the alert's record says this.
    fn said(&self, alert: &str, step: &str) -> usize {
        let whole = self.li.get(&format!("/api/v1/alerts/{alert}"));
        whole["steps"].as_array().unwrap().iter().filter(|it| it["step"] == step).count()
    }

    fn arrived(&self, order: &ReleaseOrder) -> usize {
        let items = self.opening(order)["items"].as_object().unwrap().clone();
        items.values().filter(|item| item["is"] == "arrived").count()
    }

    /// In the server's database, while nobody runs it.
    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("server-data/zaigang.db")).unwrap()
    }
}

#[test]
fn a_kill_in_every_state_loses_and_doubles_nothing() {
    let mut house = House::new();
    let mut agent = house.start_box(true);
    let ended = agent.wait(Duration::from_mins(4)).unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{}", agent.log_tail());
    let (alert, seen) = house.first_pictured();
    assert!(seen.len() > 1, "half of them can be delivered: {seen:?}");
    let order = house.order(&seen);

    house.step((None, "requested"), &order, |house| house.request(&alert, &order));
    let twice = house.request(&alert, &order).unwrap_err().to_string();
    assert!(twice.starts_with("409"), "{twice}");
    house.step((Some("requested"), "released"), &order, |house| house.approve(&order));
    assert!(house.approve(&order).is_err(), "approved once");
    assert_eq!((house.said(&alert, "evidence_requested"), house.arrived(&order)), (1, 0));

    // The first ask and the first picture are taken, then the server dies, then the box.
    house.dies_at("evidence.committed:2");
    let mut agent = house.start_box(false);
    house.dies();
    agent.kill().unwrap();
    house.killed();
    assert_eq!(house.stands(&order).as_deref(), Some("released"));
    assert_eq!(house.arrived(&order), 1, "half delivered: {}", house.opening(&order));
    let half = house.li.user.get(&looked_at(&order, &seen[0])).unwrap();
    assert!(!(200..300).contains(&half.status), "half delivered is not open");
    let mut agent = house.start_box(false);
    house.reaches(&order, "delivered", &agent);
    agent.kill().unwrap();
    house.killed();
    assert_eq!(house.arrived(&order), seen.len());
    assert_eq!(house.said(&alert, "evidence_delivered"), 1);

    let look = |house: &House| {
        let first = house.wang.user.download(&looked_at(&order, &seen[0]))?;
        Ok(Value::from(first.len()))
    };
    house.step((Some("delivered"), "open"), &order, look);
    opens_with_both_halves(&house, &order, &seen);
    assert_eq!(house.said(&alert, "evidence_opened"), 1, "opened once");
    runs_out(&mut house, &order);
    assert!(look(&house).is_err(), "what ran out is shown to nobody");
    assert_eq!(house.said(&alert, "evidence_expired"), 1);
}

fn looked_at(order: &ReleaseOrder, seen: &Value) -> String {
    format!("/api/v1/evidence/requests/{}/items/{}", order.order, picture(seen).id)
}

/// Its 72 hours pass; the server is killed before that counts, and in it.
fn runs_out(house: &mut House, order: &ReleaseOrder) {
    let kept = |house: &House| {
        let database = house.database();
        let sql = "SELECT state, (SELECT count(*) FROM evidence_part) FROM evidence_opening WHERE \
            id = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        database.query_row::<(String, i64), _, _>(sql, [order.order.as_str()], row).unwrap()
    };
    house.server.kill().unwrap();
    let over = "UPDATE evidence_opening SET until_at = '2026-01-01T00:00:00.000Z', opening = \
        json_set(opening, '$.until', '2026-01-01T00:00:00Z') WHERE id = ?1";
    assert_eq!(house.database().execute(over, [order.order.as_str()]).unwrap(), 1);
    house.server = house.plan.launch(&[("ZAIGANG_KILL_AT", "evidence.before_end:1")]).unwrap();
    house.dies();
    let (state, parts) = kept(house);
    assert!(state == "open" && parts > 0, "{state}, {parts}");
    house.server = house.plan.start(&[]).unwrap().0;
    until("the end", || kept(house).0 == "expired").unwrap();
    house.killed();
    assert_eq!(kept(house), ("expired".to_owned(), 0), "nothing of it is left");
}
