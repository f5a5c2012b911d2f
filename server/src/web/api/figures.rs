//! `/api/v1/figures`, and the same as CSV: leads, false alarms, visibility and abstention of a span
//! of days.
//!
//! By rule, severity, state, box and day; never by person (P15). What a role sees is narrowed to
//! its part of the country.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Role, Who};
use crate::alert::{AlertState, ClinicState};
use crate::app::App;
use crate::clock::{self, At};
use crate::problem::Problem;
use crate::store::{Cell, ChartScope, DeviceFigures, Figures, Sight};
use crate::web::answer::{Csv, Download};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::SIGHT;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/figures.csv", get_csv).roles(SIGHT).audited(),
        Endpoint::get("/api/v1/figures", get_figures)
            .roles(SIGHT)
            .summary("Leads, false alarms, visibility and abstention of a span of days"),
    ]
}

/// A page of figures shows no longer span.
const MOST_DAYS: i32 = 400;

#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct FiguresQuery {
    /// First day in the pages' zone, such as `2026-03-02`; left out: 29 days before the last.
    #[schemars(regex(pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"))]
    pub from: Option<String>,
    /// Last day, included; left out: today.
    #[schemars(regex(pattern = "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"))]
    pub to: Option<String>,
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    #[schemars(skip)]
    pub lang: Option<String>,
}

/// The days asked for, and the same as the store asks.
#[derive(Debug, Clone)]
pub(in crate::web) struct FiguresPeriod {
    pub from: Date,
    pub to: Date,
    pub span: ChartScope,
}

impl FiguresQuery {
    pub(in crate::web) fn read(&self, who: &Who) -> Result<FiguresPeriod, Problem> {
        let day =
            |name: &str, text: &Option<String>| match text.as_deref().filter(|t| !t.is_empty()) {
                None => Ok(None),
                Some(text) => text.parse::<Date>().map(Some).map_err(|_| {
                    Problem::unprocessable(format!(
                        "{name}: `{}` is no day such as 2026-03-02",
                        clock::clip(text, 40)
                    ))
                }),
            };
        let now = clock::now().to_zoned(clock::zone());
        let to = day("to", &self.to)?.unwrap_or_else(|| now.date());
        let month = jiff::Span::new().days(29);
        let from = day("from", &self.from)?.unwrap_or_else(|| to.saturating_sub(month));
        let days = (to - from).get_days();
        if !(0..MOST_DAYS).contains(&days) {
            return Err(Problem::unprocessable(format!(
                "from: it must lie before `to`, at most {MOST_DAYS} days"
            )));
        }
        let begin = |d: Date| d.to_zoned(clock::zone()).map(|z| At::from(z.timestamp()));
        let outside = |_| Problem::unprocessable("from, to: these days lie outside the calendar");
        let clinic = who.role == Role::Clinic;
        let span = ChartScope {
            from: begin(from).map_err(outside)?,
            to: begin(to.saturating_add(jiff::Span::new().days(1))).map_err(outside)?,
            jurisdiction: if clinic { String::new() } else { who.scope.clone() },
            institution: if clinic { who.scope.clone() } else { String::new() },
            zone_s: i64::from(now.offset().seconds()),
        };
        Ok(FiguresPeriod { from, to, span })
    }
}

#[derive(Serialize, JsonSchema)]
struct FiguresSeen {
    #[serde(flatten)]
    figures: Figures,
    /// First and last day that were counted.
    from: String,
    to: String,
}

async fn get_figures(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<FiguresQuery>,
) -> Result<Json<FiguresSeen>, Problem> {
    let FiguresPeriod { from, to, span } = query.read(&who)?;
    let made = app.blocking(move |a| a.figures.figures(&a.store, &span)).await?;
    let figures = told(&who, &made);
    Ok(Json(FiguresSeen { figures, from: from.to_string(), to: to.to_string() }))
}

async fn get_csv(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<FiguresQuery>,
) -> Result<Download<Csv>, Problem> {
    let FiguresPeriod { from, to, span } = query.read(&who)?;
    let made = app.blocking(move |a| a.figures.figures(&a.store, &span)).await?;
    let figures = told(&who, &made);
    Ok(Download::new(format!("zaigang-figures-{from}-{to}.csv"), csv(&figures)))
}

/// The figures as this reader may know them. Of one clinic's few alerts a count by state, by reason
/// or of what was decided is the deliberation itself: it hears how many are open and closed.
pub(in crate::web) fn told(who: &Who, figures: &Figures) -> Figures {
    if who.role != Role::Clinic {
        return figures.clone();
    }
    let mut by_state: BTreeMap<(ClinicState, String), i64> = BTreeMap::new();
    for cell in &figures.by_state {
        let Some(state) = AlertState::parse(&cell.key) else { continue };
        *by_state.entry((state.for_clinic(false), cell.severity.clone())).or_default() +=
            cell.count;
    }
    let state = |((state, severity), count): ((ClinicState, String), i64)| Cell {
        key: state.as_str().to_owned(),
        severity,
        count,
    };
    let device = |d: &DeviceFigures| DeviceFigures {
        device: d.device.clone(),
        incidents: d.incidents,
        withdrawn: d.withdrawn,
        decided: 0,
        false_alarms: 0,
        false_alarm_ppm: None,
        at_most_ppm: None,
    };
    Figures {
        by_state: by_state.into_iter().map(state).collect(),
        dismissed_because: Vec::new(),
        same_person: Vec::new(),
        devices: figures.devices.iter().map(device).collect(),
        ..figures.clone()
    }
}

/// One long table: `figure,key,severity,value,of`. Shares are in ppm.
fn csv(figures: &Figures) -> String {
    let mut out = "figure,key,severity,value,of\n".to_owned();
    let mut row = |figure: &str, key: &str, severity: &str, value: i64, of: &str| {
        let _ = writeln!(out, "{figure},{},{severity},{value},{of}", crate::web::csv::cell(key));
    };
    let tables: [(&str, &[Cell]); 8] = [
        ("findings_by_rule", &figures.by_rule),
        ("findings_by_kind", &figures.by_kind),
        ("incidents_by_state", &figures.by_state),
        ("incidents_by_day", &figures.by_day),
        ("dismissed_because", &figures.dismissed_because),
        ("same_person_by_rule", &figures.same_person),
        ("not_assessable_because", &figures.not_assessable_because),
        ("rule_abstained_because", &figures.undecided),
    ];
    for (figure, cells) in tables {
        for cell in cells {
            row(figure, &cell.key, &cell.severity, cell.count, "");
        }
    }
    for d in &figures.devices {
        row("incidents_by_device", &d.device, "", d.incidents, "");
        row("false_alarms_by_device", &d.device, "", d.false_alarms, &d.decided.to_string());
        row("withdrawn_by_device", &d.device, "", d.withdrawn, &d.incidents.to_string());
    }
    let sights: [(&str, &[Sight]); 2] =
        [("day", &figures.sight_by_day), ("device", &figures.sight_by_device)];
    for (by, sights) in sights {
        for s in sights {
            let of = s.sessions.to_string();
            row(&format!("visibility_a_ppm_by_{by}"), &s.key, "", s.visibility_a_ppm, &of);
            row(&format!("visibility_i_ppm_by_{by}"), &s.key, "", s.visibility_i_ppm, &of);
            row(&format!("not_assessable_by_{by}"), &s.key, "", s.not_assessable, &of);
            row(&format!("abstained_by_{by}"), &s.key, "", s.abstained, &of);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> Result<FiguresPeriod, Problem> {
        FiguresQuery { from: Some(from.into()), to: Some(to.into()), lang: None }
            .read(&Who::open_house())
    }

    #[test]
    fn the_last_day_is_counted_whole() {
        let asked = asked("2026-03-02", "2026-03-02").unwrap();
        assert_eq!(asked.span.from, "2026-03-01T16:00:00.000Z".parse().unwrap());
        assert_eq!(asked.span.to, "2026-03-02T16:00:00.000Z".parse().unwrap());
    }

    #[test]
    fn days_that_are_none_or_too_many_are_named() {
        for (from, to, why) in [
            ("yesterday", "2026-03-02", "`yesterday`"),
            ("2026-03-03", "2026-03-02", "before"),
            ("2020-01-01", "2026-03-02", "400"),
        ] {
            assert!(asked(from, to).unwrap_err().detail.contains(why), "{from} {to}");
        }
    }

    #[test]
    fn a_clinic_counts_itself_alone() {
        let clinic = Who { role: Role::Clinic, scope: "c-1".into(), ..Who::nobody() };
        let span = FiguresQuery::default().read(&clinic).unwrap().span;
        assert_eq!((span.institution.as_str(), span.jurisdiction.as_str()), ("c-1", ""));
    }
}
