//! Fills a store with a given number of findings, sessions, institutions and people, the same for
//! the same seed.
//!
//! For `scripts/bench server` alone; nothing in the server calls it. It makes no messages: lists do
//! not read them, and a million signatures would take longer than everything else.

use super::engine::params;

use super::{FaceStore, Result, Store};

/// How much of everything, and from which number on.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    pub seed: i64,
    /// Findings that are there already.
    pub from: i64,
    pub findings: i64,
    pub institutions: i64,
    pub people: i64,
    /// Milliseconds since 1970 of the newest.
    pub newest_ms: i64,
}

/// Rows in one transaction.
const CHUNK: i64 = 20_000;
/// The findings lie within this many days before the newest.
const DAYS: i64 = 1000;

const REPORT: &str = r#"{"finding_id":"$ID","incident_id":"$ID","step":"opened","revision":1,"rule":"$RULE","kind":"LicenseLending","severity":"L2","confidence":{"identity_ppm":900000,"role_ppm":800000,"session_ppm":1000000,"visibility_ppm":950000},"room":"$ROOM","institution":"$PLACE","session":"$SESSION","item":"laser-1","persons":[{"person":"$PERSON","part":"declared_lead","verified_by":"not_seen"}],"candidate_basis":[{"law":"医师法","article":"第十三条","edition":"2022-03-01"}],"intervals":[{"what":"declared","from":"2026-03-02T01:00:00.000Z","to":"2026-03-02T02:00:00.000Z"}],"counts":[{"name":"operating_ms","value":1800000}],"explanation":{"zh":"疑似挂证:登记主诊全程未到场,由他人操作","en":"Suspected: the declared lead never entered, another operated"},"raised_at":"$AT","manifest":{"firmware":"1","pack":"avatar","pack_sha256":"ab","config_sha256":"cd","policy_sha256":"ef","policy_version":1,"roster_version":1,"liveness_waived":false}}"#;

/// Row `i`: `h` is a spread-out number of it, `p` its institution, `at` its time.
const ROWS: &str =
    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2),
    r AS (SELECT i, ((i + ?3) * 2654435761) % 4294967296 AS h FROM n),
    x AS (SELECT i, h, (h / 7) % ?4 AS p, printf('%032x', i + 1) AS id,
        strftime('%Y-%m-%dT%H:%M:%fZ', (?5 - (?6 - i) * ?7) / 1000.0, 'unixepoch') AS at FROM r)";

impl Store {
    /// Adds the findings, and with the first of them the registry and the sessions.
    pub fn fill(&self, it: &Amount) -> Result<()> {
        if it.from == 0 {
            self.fill_registry(it)?;
        }
        let last = it.from + it.findings;
        let mut from = it.from;
        while from < last {
            let to = (from + CHUNK).min(last);
            self.fill_findings(it, from, to, last)?;
            from = to;
        }
        Ok(())
    }

    /// Provisioned boxes for a measurement of the ingest: `bench-0` and so on, each in a room of
    /// its own of `inst-1`.
    pub fn fill_boxes(&self, boxes: u32) -> Result<()> {
        self.write(|tx| {
            tx.execute_batch(
                "INSERT INTO institution VALUES ('inst-1','x',NULL,'',0,'[]','510100','t')",
            )?;
            for n in 0..boxes {
                let (id, room) = (format!("bench-{n}"), format!("bench-room-{n}"));
                let sql = "INSERT INTO room VALUES (?1,'inst-1','x','{}','t')";
                tx.execute(sql, [room.as_str()])?;
                let sql = "INSERT INTO device (id, room, state) VALUES (?1,?2,'provisioned')";
                tx.execute(sql, [id.as_str(), &room])?;
            }
            Ok(())
        })
    }

    fn fill_registry(&self, it: &Amount) -> Result<()> {
        self.write(|tx| {
            let count = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + \
                1 < ?1)";
            tx.execute(
                &format!(
                    "{count} INSERT INTO institution SELECT printf('c-%05d', i), '机构 ' || i, \
                    NULL, '门诊部', 2, '[]', CAST(510100 + i % 100 AS TEXT), 't' FROM n"
                ),
                [it.institutions],
            )?;
            let spec = r#"{"id":"$ROOM","institution":"$PLACE","mode":"in_room"}"#;
            tx.execute(
                &format!(
                    "{count} INSERT INTO room SELECT printf('r-%05d', i), printf('c-%05d', \
                    i), '诊室', replace(replace(?2, '$ROOM', printf('r-%05d', i)), '$PLACE', \
                    printf('c-%05d', i)), 't' FROM n"
                ),
                params![it.institutions, spec],
            )?;
            tx.execute(
                &format!(
                    "{count} INSERT INTO device (id, room, state) SELECT printf('box-%05d', \
                    i), printf('r-%05d', i), 'provisioned' FROM n"
                ),
                [it.institutions],
            )?;
            tx.execute(
                &format!(
                    "{count} INSERT INTO practitioner SELECT printf('p-%06d', i), '人员' || i, \
                    'licensed_physician', 'valid', 't' FROM n"
                ),
                [it.people],
            )?;
            tx.execute(
                &format!(
                    "{count} INSERT INTO site SELECT printf('p-%06d', i), printf('c-%05d', i \
                    % ?2), 'primary', NULL, '[]', '[]' FROM n"
                ),
                params![it.people, it.institutions],
            )?;
            Ok(())
        })
    }

    fn fill_findings(&self, it: &Amount, from: i64, to: i64, last: i64) -> Result<()> {
        let step_ms = (DAYS * 86_400_000 / last.max(1)).max(1);
        let bound = (from, to, it.seed, it.institutions, it.newest_ms, last, step_ms);
        self.write(|tx| {
            let state =
                "CASE WHEN h % 1000 < 30 THEN 'raised' WHEN h % 1000 < 45 THEN 'review2' WHEN h % \
                1000 < 55 THEN 'lead'
                WHEN h % 1000 < 60 THEN 'case' WHEN h % 1000 < 600 THEN 'dismissed' ELSE 'closed' \
                END";
            tx.execute(
                &format!("{ROWS} INSERT INTO alert
                    (id,state,severity,kinds,institution,jurisdiction,room,session,device,item,raised_at,received_at,updated_at,liveness_waived,case_file,origin,incident)
                    SELECT id, {state}, 1 + h % 3, '[\"LicenseLending\"]', printf('c-%05d', p),
                    CAST(510100 + p % 100 AS TEXT), printf('r-%05d', p),
                    printf('s-%08d', i / 10), printf('box-%05d', p), 'laser-1', at, at, at, 0,
                    '{{\"state\":\"' || {state} || '\",\"reviews\":[]}}', printf('box-%05d', p),
                    id FROM x"),
                bound,
            )?;
            let rule = "CASE h % 5 WHEN 0 THEN 'LL-1' WHEN 1 THEN 'NL-1' WHEN 2 THEN 'UQ-1' WHEN \
                3 THEN 'HB-3' ELSE 'LL-5' END";
            tx.execute(
                &format!("{ROWS} INSERT INTO finding SELECT printf('box-%05d', p), id, id,
                    {rule}, 'LicenseLending', 1 + h % 3, 'opened', 1, at, at, printf('box-%05d',
                    p), 0, i,
                    replace(replace(replace(replace(replace(replace(replace(?8, '$ID', id),
                    '$RULE', {rule}), '$ROOM', printf('r-%05d', p)), '$PLACE', printf('c-%05d', p)),
                    '$SESSION', printf('s-%08d', i / 10)), '$PERSON', printf('p-%06d', h %
                    20000)), '$AT', at) FROM x"),
                (bound.0, bound.1, bound.2, bound.3, bound.4, bound.5, bound.6, REPORT),
            )?;
            tx.execute(&format!("{ROWS} INSERT INTO finding_step SELECT printf('box-%05d', p), \
                id, 1, id, {rule}, 'opened', 1 + h % 3, at, at, printf('box-%05d', p), 0, i, \
                '疑似', 'Suspected' FROM x"), bound)?;
            let spec =
                r#"{"id":"$S","room":"$R","revision":1,"declared_operators":[],"start":"$AT","end":"$AT","cancelled":false,"emergency":false}"#;
            tx.execute(
                &format!("{ROWS} INSERT INTO session SELECT printf('s-%08d', i / 10),
                    printf('r-%05d', p), 1, at, at, 0,
                    replace(replace(replace(?8, '$S', printf('s-%08d', i / 10)), '$R',
                    printf('r-%05d', p)), '$AT', at), at, at FROM x WHERE i % 10 = 0"),
                (bound.0, bound.1, bound.2, bound.3, bound.4, bound.5, bound.6, spec),
            )?;
            let report =
                r#"{"room":"$R","session":"$S","revision":1,"at":"$AT","assessable":true,"visibility_over_a_ppm":900000,"visibility_over_i_ppm":900000,"lead_verified":true,"face_seen":true,"indeterminate_tracks":0,"unmatched_tracks":0,"emergency":false,"liveness_waived":false}"#;
            tx.execute(
                &format!("{ROWS} INSERT INTO summary SELECT printf('box-%05d', p),
                    printf('s-%08d', i / 10), 1, at, at,
                    replace(replace(replace(?8, '$S', printf('s-%08d', i / 10)), '$R',
                    printf('r-%05d', p)), '$AT', at), 0, i FROM x WHERE i % 10 = 0"),
                (bound.0, bound.1, bound.2, bound.3, bound.4, bound.5, bound.6, report),
            )?;
            tx.execute("DELETE FROM to_judge", [])?;
            Ok(())
        })
    }

    /// Institutions and persons whose facts changed and were not yet judged.
    pub fn left_to_judge(&self) -> Result<i64> {
        self.read(|c| Ok(c.query_row("SELECT count(*) FROM to_judge", [], |r| r.get(0))?))
    }
}

impl FaceStore {
    /// A confirmed enrolment with one (unreadable) template for each of so many people.
    pub fn fill(&self, people: i64, institutions: i64) -> Result<()> {
        self.write(|tx| {
            let count = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + \
                1 < ?1)";
            tx.execute(
                &format!(
                    "{count} INSERT INTO enrolment (id, person, institution, state, pack,
                    proposed_at, decided_at, decided_by, outcome, consent)
                    SELECT printf('e-%06d', i), printf('p-%06d', i), printf('c-%05d', i % ?2),
                    'confirmed', 'avatar', '2026-01-01T00:00:00.000Z',
                    '2026-01-01T00:00:00.000Z', 'wang', '{{}}', '{{}}' FROM n"
                ),
                (people, institutions),
            )?;
            tx.execute(
                &format!(
                    "{count} INSERT INTO template SELECT printf('t-%06d', i), \
                    printf('e-%06d', i), printf('p-%06d', i), printf('c-%05d', i % ?2), 'avatar', \
                    'e', 0, ?3 FROM n"
                ),
                (people, institutions, &[0u8][..]),
            )?;
            Ok(())
        })
    }
}
