//! The servers of the store on the page "More": which live, which leads, and how far the standbys
//! of the database are behind.

use super::frame::local;
use crate::app::App;
use crate::clock;
use crate::store::{SeenServer, Standby, StoreError};
use crate::web::view::words::Lang;

/// A server that was not seen for so long is shown as away.
const AWAY_MS: i64 = 10_000;
/// Over SQLite a server says more rarely that it lives.
const AWAY_OVER_SQLITE_MS: i64 = 45_000;

pub(super) struct Servers {
    pub(super) rows: Vec<ServerRow>,
    /// How often the lead was taken.
    pub(super) epoch: String,
    pub(super) led_since: String,
    pub(super) standbys: Vec<StandbyRow>,
    pub(super) is_postgres: bool,
}

pub(super) struct ServerRow {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) since: String,
    pub(super) seen: String,
    pub(super) away: bool,
    pub(super) leads: bool,
    pub(super) this_one: bool,
}

pub(super) struct StandbyRow {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) sync: &'static str,
    pub(super) behind: String,
}

impl Servers {
    /// Blocking.
    pub(super) fn of(app: &App, l: Lang) -> Result<Self, StoreError> {
        let lead = app.store.lead()?;
        let is_postgres = app.config.store.is_postgres();
        let away_ms = if is_postgres { AWAY_MS } else { AWAY_OVER_SQLITE_MS };
        let servers = app.store.servers(clock::now())?;
        Ok(Self {
            rows: servers.into_iter().map(|it| server_row(app, it, away_ms, l)).collect(),
            epoch: lead.as_ref().map_or_else(|| "—".to_owned(), |lead| lead.epoch.to_string()),
            led_since: lead.map_or_else(|| "—".to_owned(), |lead| local(&lead.since)),
            standbys: app.store.standbys()?.into_iter().map(|it| standby_row(it, l)).collect(),
            is_postgres,
        })
    }
}

fn server_row(app: &App, it: SeenServer, away_ms: i64, l: Lang) -> ServerRow {
    let away = it.silent_ms > away_ms;
    let seconds = it.silent_ms / 1000;
    let seen = match (away, l) {
        (false, _) => l.t("在线", "lives").to_owned(),
        (true, Lang::Zh) => format!("{seconds} 秒前"),
        (true, Lang::En) => format!("{seconds} s ago"),
    };
    ServerRow {
        this_one: it.id == app.instance.id,
        id: it.id,
        version: it.version,
        since: local(&it.since),
        seen,
        away,
        leads: it.leads && !away,
    }
}

fn standby_row(it: Standby, l: Lang) -> StandbyRow {
    StandbyRow {
        name: it.name,
        state: if it.state.is_empty() {
            l.t("无权查看（需 pg_monitor）", "not for this role to see (pg_monitor)").to_owned()
        } else {
            it.state
        },
        sync: match it.sync.as_str() {
            "sync" | "quorum" => l.t("同步", "synchronous"),
            "" => "—",
            _ => l.t("异步", "asynchronous"),
        },
        behind: it.behind_bytes.map_or_else(|| "—".to_owned(), |n| format!("{} KiB", n / 1024)),
    }
}
