//! Lists a page at a time: after an id, at most so many, narrowed to a part of the country and to a
//! text.

use super::engine::Connection;

use super::registry::{INSTITUTIONS, institution, practitioners};
use super::rows::{collect, decode_all};
use super::{Device, KeptCheck, ListPart, Result, Store, checks, devices};
use crate::model::{Institution, Item, Pass, Practitioner, Room};

/// `i` is an institution that the reader sees. Every list here hangs on one, or (the catalogue) on
/// none.
const SEEN: &str = "substr(i.jurisdiction, 1, length(?4)) = ?4 AND (?5 = '' OR i.id = ?5)";

impl Store {
    pub fn institutions_part(&self, part: &ListPart) -> Result<Vec<Institution>> {
        let sql = format!(
            "{INSTITUTIONS}
             WHERE i.id > ?1 AND {SEEN} AND (?3 = '' OR found(i.id, ?3) OR found(i.name, ?3))
             ORDER BY i.id LIMIT ?2"
        );
        self.read(|c| collect(c, &sql, part.bound(), institution))
    }

    pub fn practitioners_part(&self, part: &ListPart) -> Result<Vec<Practitioner>> {
        // Without a scope nobody has to be asked where they work.
        let seen = if part.jurisdiction.is_empty() && part.institution.is_empty() {
            "?4 = ?5".to_owned()
        } else {
            format!(
                "EXISTS (SELECT 1 FROM site s JOIN institution i ON i.id = s.institution WHERE \
                s.practitioner = p.id AND {SEEN})"
            )
        };
        let sql = format!(
            "SELECT p.id, p.name, p.category, p.registration FROM practitioner p
             WHERE p.id > ?1 AND {seen} AND (?3 = '' OR found(p.id, ?3) OR found(p.name, ?3))
             ORDER BY p.id LIMIT ?2"
        );
        self.read(|c| practitioners(c, &sql, part.bound()))
    }

    pub fn rooms_part(&self, part: &ListPart) -> Result<Vec<Room>> {
        let sql = format!(
            "SELECT r.spec FROM room r JOIN institution i ON i.id = r.institution
             WHERE r.id > ?1 AND {SEEN} AND (?3 = '' OR found(r.id, ?3) OR found(r.name, ?3))
             ORDER BY r.id LIMIT ?2"
        );
        self.read(|c| decode_all(c, &sql, part.bound()))
    }

    pub fn items_part(&self, part: &ListPart) -> Result<Vec<Item>> {
        let sql = "SELECT spec FROM item WHERE code > ?1 AND (?3 = '' OR found(code, ?3) OR
            found(name_zh, ?3) OR found(name_en, ?3))
            AND ?4 IS NOT NULL AND ?5 IS NOT NULL ORDER BY code LIMIT ?2";
        self.read(|c| decode_all(c, sql, part.bound()))
    }

    /// Boxes with their last word.
    pub fn devices_part(&self, part: &ListPart) -> Result<Vec<Device>> {
        let sql = format!(
            "{} JOIN institution i ON i.id = r.institution
             WHERE d.id > ?1 AND {SEEN} AND (?3 = '' OR found(d.id, ?3) OR found(d.room, ?3)) \
             ORDER BY d.id LIMIT ?2",
            devices::COLUMNS
        );
        self.read(|c| collect(c, &sql, part.bound(), |row| devices::device(c, row)))
    }

    pub fn passes_part(&self, part: &ListPart) -> Result<Vec<Pass>> {
        let sql = format!(
            "SELECT p.spec FROM pass p JOIN institution i ON i.id = p.institution
             WHERE p.id > ?1 AND {SEEN} AND (?3 = '' OR found(p.id, ?3)) ORDER BY p.id LIMIT ?2"
        );
        self.read(|c| decode_all(c, &sql, part.bound()))
    }

    /// Newest first; `after` is the last one's time and id with a blank between.
    pub fn checks_part(&self, part: &ListPart) -> Result<Vec<KeptCheck>> {
        let (at, id) = part.after.split_once(' ').unwrap_or((&part.after, ""));
        let sql = "SELECT k.id, k.room, k.person, k.witness, k.direction, k.at, k.made_at,
            k.made_by, k.via
             FROM identity_check k JOIN room r ON r.id = k.room JOIN institution i ON i.id =
             r.institution
             WHERE (?1 = '' OR k.at < ?1 OR (k.at = ?1 AND k.id > ?6)) AND substr(i.jurisdiction,
             1, length(?4)) = ?4
             AND (?5 = '' OR i.id = ?5) AND (?3 = '' OR found(k.person, ?3) OR found(k.room, ?3))
             ORDER BY k.at DESC, k.id LIMIT ?2";
        let bound =
            (at, part.limit.clamp(1, 501), &part.text, &part.jurisdiction, &part.institution, id);
        self.read(|c| collect(c, sql, bound, checks::kept))
    }

    /// How many boxes stand in a part of the country, and how many of them are connected.
    pub fn boxes_seen(&self, part: &ListPart) -> Result<(i64, i64)> {
        if part.jurisdiction.is_empty() && part.institution.is_empty() {
            return self.read(boxes);
        }
        self.read(|c| {
            let sql = format!(
                "SELECT coalesce(sum(k.boxes), 0), coalesce(sum(k.online), 0) FROM institution i
                {} place k ON k.institution = i.id WHERE i.jurisdiction >= ?1 AND
                i.jurisdiction < ?1 || '~' AND (?2 = '' OR i.id = ?2)",
                c.join_in_order()
            );
            Ok(c.prepare_cached(&sql)?.query_row((&part.jurisdiction, &part.institution), |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?)
        })
    }

    /// Names of these institutions alone.
    pub fn institution_names(
        &self,
        ids: &[String],
    ) -> Result<std::collections::BTreeMap<String, String>> {
        let sql = "SELECT id, name FROM institution WHERE id IN (SELECT value FROM json_each(?1))";
        self.called(sql, ids)
    }

    /// Names of these rooms alone.
    pub fn room_names(&self, ids: &[String]) -> Result<std::collections::BTreeMap<String, String>> {
        let sql = "SELECT id, name FROM room WHERE id IN (SELECT value FROM json_each(?1))";
        self.called(sql, ids)
    }

    /// Names of these boxes alone; empty where one has none but its id.
    pub fn box_names(&self, ids: &[String]) -> Result<std::collections::BTreeMap<String, String>> {
        let sql = "SELECT id, name FROM device WHERE id IN (SELECT value FROM json_each(?1))";
        self.called(sql, ids)
    }

    /// Names of people by these logins; where an institution is given, of its own people alone.
    pub fn account_names(
        &self,
        logins: &[String],
        institution: Option<&str>,
    ) -> Result<std::collections::BTreeMap<String, String>> {
        let sql = "SELECT id, display, role, scope FROM account WHERE id IN
            (SELECT value FROM json_each(?1))";
        let logins = serde_json::to_string(logins)?;
        let found: Vec<(String, String, String, String)> = self.read(|c| {
            collect(c, sql, [logins], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        })?;
        let own = |role: &str, scope: &str| {
            institution.is_none_or(|id| role == crate::access::Role::Clinic.as_str() && scope == id)
        };
        let named = found.into_iter().filter(|(_, _, role, scope)| own(role, scope));
        Ok(named.map(|(login, display, _, _)| (login, display)).collect())
    }

    /// Ids with their names, of those that are known.
    fn called(
        &self,
        sql: &str,
        ids: &[String],
    ) -> Result<std::collections::BTreeMap<String, String>> {
        let ids = serde_json::to_string(ids)?;
        self.read(|c| {
            Ok(collect(c, sql, [ids], |r| Ok((r.get(0)?, r.get(1)?)))?.into_iter().collect())
        })
    }

    /// The numbers that people call these alerts by.
    pub fn alert_numbers(&self, ids: &[String]) -> Result<std::collections::BTreeMap<String, i64>> {
        let sql = "SELECT id, number FROM alert WHERE id IN (SELECT value FROM json_each(?1))";
        let ids = serde_json::to_string(ids)?;
        self.read(|c| {
            Ok(collect(c, sql, [ids], |r| Ok((r.get(0)?, r.get(1)?)))?.into_iter().collect())
        })
    }

    /// Names of those of these persons who have a site or a pass at one of these institutions.
    pub fn names_at(
        &self,
        ids: &[String],
        institutions: &std::collections::BTreeSet<String>,
    ) -> Result<std::collections::BTreeMap<String, crate::model::Name>> {
        let sql = "SELECT p.id, p.name FROM practitioner p WHERE p.id IN (SELECT value FROM
            json_each(?1)) AND (
             EXISTS (SELECT 1 FROM site s WHERE s.practitioner = p.id AND s.institution IN
             (SELECT value FROM json_each(?2)))
             OR EXISTS (SELECT 1 FROM pass a WHERE a.person = p.id AND a.institution IN (SELECT
             value FROM json_each(?2))))";
        let bound = (serde_json::to_string(ids)?, serde_json::to_string(institutions)?);
        self.read(|c| {
            Ok(collect(c, sql, bound, |r| Ok((r.get(0)?, crate::model::Name(r.get(1)?))))?
                .into_iter()
                .collect())
        })
    }

    /// Those of these persons who work at one of these institutions.
    pub fn with_site_at(
        &self,
        ids: &[String],
        institutions: &std::collections::BTreeSet<String>,
    ) -> Result<std::collections::BTreeSet<String>> {
        let sql = "SELECT DISTINCT practitioner FROM site WHERE practitioner IN (SELECT value FROM
            json_each(?1)) AND institution IN (SELECT value FROM json_each(?2))";
        let bound = (serde_json::to_string(ids)?, serde_json::to_string(institutions)?);
        self.read(|c| Ok(collect(c, sql, bound, |r| Ok(r.get(0)?))?.into_iter().collect()))
    }

    /// Names of these persons alone.
    pub fn names_of(
        &self,
        ids: &[String],
    ) -> Result<std::collections::BTreeMap<String, crate::model::Name>> {
        self.read(|c| names_of(c, ids))
    }
}

/// How many boxes stand anywhere, and how many of them are connected.
pub(super) fn boxes(c: &Connection) -> Result<(i64, i64)> {
    let mut sql = c.prepare_cached("SELECT boxes, online FROM box_total")?;
    Ok(sql.query_row([], |r| Ok((r.get(0)?, r.get(1)?)))?)
}

fn names_of(
    c: &Connection,
    ids: &[String],
) -> Result<std::collections::BTreeMap<String, crate::model::Name>> {
    let sql = "SELECT id, name FROM practitioner WHERE id IN (SELECT value FROM json_each(?1))";
    let ids = serde_json::to_string(ids)?;
    Ok(collect(c, sql, [ids], |r| Ok((r.get(0)?, crate::model::Name(r.get(1)?))))?
        .into_iter()
        .collect())
}
