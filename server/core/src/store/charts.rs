//! The figures of a span of time: leads by rule, severity, state and day, false alarms by box,
//! visibility, abstention.
//!
//! Sums over rules, boxes and days. No query here reads who was where: a test fails if one ever
//! does (P15).

use super::engine::Connection;

use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;

/// What is counted: a span of the server's time, and the part of the country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartScope {
    /// Included.
    pub from: At,
    /// Excluded.
    pub to: At,
    /// A prefix; empty for all.
    pub jurisdiction: String,
    /// One institution; empty for all.
    pub institution: String,
    /// How far the days of the pages' zone are ahead of UTC, in seconds.
    pub zone_s: i64,
}

/// A count of a cell.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Cell {
    /// A rule, a state, a day, a reason.
    pub key: String,
    /// `L0` to `L3`; empty where severities are not told apart.
    pub severity: String,
    pub count: i64,
}

/// What became of a box's incidents (domain.md §2: rates count incidents).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct DeviceFigures {
    pub device: String,
    pub incidents: i64,
    /// Dismissed, upheld or further.
    pub decided: i64,
    /// Dismissed for any reason but the box's own withdrawal, or unfounded on site.
    pub false_alarms: i64,
    /// Taken back by the box or by later facts.
    pub withdrawn: i64,
    /// Of decided, in ppm; with none in n the bound 3/n at 95 % stands in `at_most_ppm`.
    pub false_alarm_ppm: Option<i64>,
    pub at_most_ppm: Option<i64>,
}

/// Visibility and abstention of the sessions told of on a day or by a box.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Sight {
    pub key: String,
    pub sessions: i64,
    /// Means over sessions: V over the operating time, and over the declared interval with all
    /// activity.
    pub visibility_a_ppm: i64,
    pub visibility_i_ppm: i64,
    /// Sessions from which nothing may be alleged.
    pub not_assessable: i64,
    /// Assessable sessions in which at least one rule abstained.
    pub abstained: i64,
}

#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub struct Figures {
    pub by_rule: Vec<Cell>,
    pub by_state: Vec<Cell>,
    pub by_day: Vec<Cell>,
    pub by_kind: Vec<Cell>,
    pub dismissed_because: Vec<Cell>,
    /// What people who looked at sealed pictures answered, by rule: `LL-1 no`.
    pub same_person: Vec<Cell>,
    pub devices: Vec<DeviceFigures>,
    pub sight_by_day: Vec<Sight>,
    pub sight_by_device: Vec<Sight>,
    /// Why sessions were not assessable, and which rules abstained why.
    pub not_assessable_because: Vec<Cell>,
    pub undecided: Vec<Cell>,
}

/// Which alerts `a`, and which sessions' summaries `s`, lie in the span.
const ALERTS: &str = "a.received_at >= ?1 AND a.received_at < ?2
    AND substr(a.jurisdiction, 1, length(?3)) = ?3 AND (?4 = '' OR a.institution = ?4)";
const SESSIONS: &str = "s.received_at >= ?1 AND s.received_at < ?2
    AND substr(n.jurisdiction, 1, length(?3)) = ?3 AND (?4 = '' OR n.id = ?4)";
const PLACES: &str = "JOIN device d ON d.id = s.device JOIN room r ON r.id = d.room JOIN \
    institution n ON n.id = r.institution";

impl Store {
    pub fn figures(&self, span: &ChartScope) -> Result<Figures> {
        let day = |column: &str| format!("date({column}, '{:+} seconds')", span.zone_s);
        self.read(|c| {
            let cells = |key: &str, severity: &str, from: &str, order: &str| {
                let sql = format!(
                    "SELECT {key}, {severity}, count(*) FROM {from} GROUP BY 1, 2 ORDER BY {order}"
                );
                collect(c, &sql, span.bound(), |r| {
                    Ok(Cell { key: r.get(0)?, severity: r.get(1)?, count: r.get(2)? })
                })
            };
            let alerts = |key: &str| {
                cells(key, "'L' || a.severity", &format!("alert a WHERE {ALERTS}"), "1, 2")
            };
            let standing = format!(
                "alert a JOIN finding f ON f.alert = a.id WHERE {ALERTS} AND f.step <> 'withdrawn'"
            );
            let findings = |key: &str| cells(key, "'L' || f.severity", &standing, "1, 2");
            let sessions = |key: &str, list: &str| {
                let from = format!(
                    "summary s {PLACES}, json_each(s.report, '$.{list}') j WHERE {SESSIONS}"
                );
                cells(key, "''", &from, "3 DESC, 1")
            };
            let dismissed = format!("alert a WHERE {ALERTS} AND a.state = 'dismissed'");
            let because = "coalesce(json_extract(a.case_file, '$.dismissed_because'), 'other')";
            Ok(Figures {
                by_rule: findings("f.rule")?,
                by_kind: findings("f.kind")?,
                by_state: alerts("a.state")?,
                by_day: alerts(&day("a.received_at"))?,
                dismissed_because: cells(because, "''", &dismissed, "3 DESC, 1")?,
                same_person: cells(
                    "f.rule || ' ' || json_extract(j.value, '$.same_person')",
                    "''",
                    &format!(
                        "evidence_opening o JOIN alert a ON a.id = o.alert JOIN finding f ON f.id \
                        = o.finding AND f.origin = o.device, json_each(o.opening, '$.answers') j \
                        WHERE {ALERTS}"
                    ),
                    "1",
                )?,
                devices: devices(c, span)?,
                sight_by_day: sight(c, span, &day("s.received_at"))?,
                sight_by_device: sight(c, span, "s.device")?,
                not_assessable_because: sessions("j.value", "not_assessable_because")?,
                undecided: sessions(
                    "json_extract(j.value, '$.rule') || ' ' || json_extract(j.value, '$.reason')",
                    "undecided",
                )?,
            })
        })
    }
}

impl ChartScope {
    fn bound(&self) -> (At, At, &str, &str) {
        (self.from, self.to, &self.jurisdiction, &self.institution)
    }
}

fn devices(c: &Connection, span: &ChartScope) -> Result<Vec<DeviceFigures>> {
    let because = "json_extract(a.case_file, '$.dismissed_because')";
    let sql = format!(
        "SELECT a.device, count(*),
         count(*) FILTER (WHERE a.state IN ('lead','on_site','unfounded','case','closed') OR
         (a.state = 'dismissed' AND {because} IS DISTINCT FROM 'withdrawn')),
         count(*) FILTER (WHERE a.state = 'unfounded' OR
         (a.state = 'dismissed' AND {because} IS DISTINCT FROM 'withdrawn')),
         count(*) FILTER (WHERE a.state = 'dismissed' AND {because} = 'withdrawn')
         FROM alert a WHERE {ALERTS} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200"
    );
    collect(c, &sql, span.bound(), |r| {
        let (decided, wrong): (i64, i64) = (r.get(2)?, r.get(3)?);
        Ok(DeviceFigures {
            device: r.get(0)?,
            incidents: r.get(1)?,
            decided,
            false_alarms: wrong,
            withdrawn: r.get(4)?,
            false_alarm_ppm: (decided > 0).then(|| wrong * 1_000_000 / decided),
            at_most_ppm: (decided > 0 && wrong == 0).then(|| (3_000_000 / decided).min(1_000_000)),
        })
    })
}

fn sight(c: &Connection, span: &ChartScope, key: &str) -> Result<Vec<Sight>> {
    let field = |name: &str| format!("CAST(json_extract(s.report, '$.{name}') AS INTEGER)");
    let undecided = "coalesce(json_array_length(s.report, '$.undecided'), 0) > 0";
    let sql = format!(
        "SELECT {key}, count(*), sum({over_a}) / count({over_a}), sum({over_i}) / count({over_i}),
        count(*) FILTER (WHERE {assessable} = 0),
        count(*) FILTER (WHERE {assessable} = 1 AND {undecided})
         FROM summary s {PLACES} WHERE {SESSIONS} GROUP BY 1 ORDER BY 1 LIMIT 400",
        over_a = field("visibility_over_a_ppm"),
        over_i = field("visibility_over_i_ppm"),
        assessable = field("assessable"),
    );
    collect(c, &sql, span.bound(), |r| {
        Ok(Sight {
            key: r.get(0)?,
            sessions: r.get(1)?,
            visibility_a_ppm: r.get(2)?,
            visibility_i_ppm: r.get(3)?,
            not_assessable: r.get(4)?,
            abstained: r.get(5)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;

    fn store() -> (Store, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let fill = r"INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510104','t');
            INSERT INTO room VALUES ('r-1','c-1','','{}','t');
            INSERT INTO device (id, room, state) VALUES ('box-1','r-1','provisioned');";
        store.write(|tx| Ok(tx.execute_batch(fill)?)).unwrap();
        (store, dir)
    }

    fn alert(store: &Store, id: &str, state: &str, because: &str, at: &str) {
        let case = if because.is_empty() {
            "{}".to_owned()
        } else {
            format!(r#"{{"dismissed_because":"{because}"}}"#)
        };
        let sql = format!(
            "INSERT INTO alert
            (id,state,severity,kinds,institution,jurisdiction,room,device,raised_at,received_at,updated_at,liveness_waived,case_file)
             VALUES
             ('{id}','{state}',2,'[]','c-1','510104','r-1','box-1','{at}','{at}','{at}',0,'{case}');
             INSERT INTO finding VALUES
             ('box-1','f-{id}','{id}','LL-1','LicenseLending',2,'opened',1,'{at}','{at}','box-1',0,1,'{{}}')"
        );
        store.write(|tx| Ok(tx.execute_batch(&sql)?)).unwrap();
    }

    fn march() -> ChartScope {
        ChartScope {
            from: at("2026-03-01T00:00:00.000Z"),
            to: at("2026-04-01T00:00:00.000Z"),
            jurisdiction: String::new(),
            institution: String::new(),
            zone_s: 28_800,
        }
    }

    #[test]
    fn what_people_dismissed_is_a_false_alarm() {
        let (store, _dir) = store();
        let at = "2026-03-02T01:00:00.000Z";
        for (id, state, because) in [
            ("a", "lead", ""),
            ("b", "dismissed", "wrong_role"),
            ("c", "dismissed", "withdrawn"),
            ("d", "raised", ""),
            ("e", "unfounded", ""),
        ] {
            alert(&store, id, state, because, at);
        }
        let found = &store.figures(&march()).unwrap().devices[0];
        assert_eq!(
            (found.incidents, found.decided, found.false_alarms, found.withdrawn),
            (5, 3, 2, 1)
        );
        assert_eq!((found.false_alarm_ppm, found.at_most_ppm), (Some(666_666), None));
    }

    #[test]
    fn none_wrong_in_n_is_bounded_by_three_in_n() {
        let (store, _dir) = store();
        for id in ["a", "b", "c", "d", "e", "f"] {
            alert(&store, id, "lead", "", "2026-03-02T01:00:00.000Z");
        }
        let found = &store.figures(&march()).unwrap().devices[0];
        assert_eq!((found.false_alarm_ppm, found.at_most_ppm), (Some(0), Some(500_000)));
    }

    #[test]
    fn a_day_is_one_of_the_pages_zone() {
        let (store, _dir) = store();
        alert(&store, "late", "raised", "", "2026-03-02T17:00:00.000Z");
        assert_eq!(store.figures(&march()).unwrap().by_day[0].key, "2026-03-03");
        for elsewhere in [
            ChartScope { jurisdiction: "5102".into(), ..march() },
            ChartScope { institution: "c-2".into(), ..march() },
            ChartScope { to: at("2026-03-02T00:00:00.000Z"), ..march() },
        ] {
            assert!(store.figures(&elsewhere).unwrap().by_rule.is_empty(), "{elsewhere:?}");
        }
    }

    #[test]
    fn visibility_and_abstention_are_told_by_day_and_box() {
        let (store, _dir) = store();
        for (session, assessable, v, rest) in [
            ("s-1", true, 900_000, r#""undecided":[{"rule":"LL-1","reason":"door"}]"#),
            ("s-2", false, 500_000, r#""not_assessable_because":["visibility"]"#),
        ] {
            let report = format!(
                r#"{{"assessable":{assessable},"visibility_over_a_ppm":{v},"visibility_over_i_ppm":{v},{rest}}}"#
            );
            let sql = format!(
                "INSERT INTO summary VALUES \
                ('box-1','{session}',1,'t','2026-03-02T01:00:00.000Z','{report}',0,1)"
            );
            store.write(|tx| Ok(tx.execute_batch(&sql)?)).unwrap();
        }
        let found = store.figures(&march()).unwrap();
        let one = &found.sight_by_day[0];
        assert_eq!(
            (one.sessions, one.visibility_a_ppm, one.not_assessable, one.abstained),
            (2, 700_000, 1, 1)
        );
        assert_eq!(found.sight_by_device[0].key, "box-1");
        assert_eq!(
            (found.not_assessable_because[0].key.as_str(), found.undecided[0].key.as_str()),
            ("visibility", "LL-1 door")
        );
    }

    /// P15: whoever adds a query over sightings or persons to this file has to explain it to this
    /// test.
    #[test]
    fn no_figure_reads_who_was_where() {
        let source = include_str!("charts.rs").split("#[cfg(test)]").next().unwrap();
        for table in [
            "presence",
            "practitioner",
            "site ",
            "identity_check",
            "credential",
            "persons",
            "declared_",
            "enrolment",
        ] {
            assert!(!source.contains(table), "a figure reads `{table}`");
        }
    }
}
