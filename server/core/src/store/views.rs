//! Saved views of the inbox, each its owner's alone; and the places of the wall screen: boxes and
//! open leads by institution.

use super::engine::{OptionalExtension as _, params};

use super::rows::collect;
use super::{ListPart, Result, Store, StoreError};
use crate::clock::At;

/// Views that one person keeps at most.
const MOST: i64 = 30;

/// A filter of the inbox under a name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct View {
    /// Counts its owner's.
    pub id: i64,
    pub name: String,
    /// Behind the `?` of the inbox's address, such as `state=open&severity=L3`.
    pub query: String,
}

/// An institution as the wall and the list of boxes show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "PlaceSeen")]
pub struct InstitutionSeen {
    pub institution: String,
    pub name: String,
    pub boxes: i64,
    pub online: i64,
    pub open_alerts: i64,
    /// The highest severity of an open alert, 0 to 3.
    pub worst: i64,
}

impl Store {
    pub fn views(&self, owner: &str) -> Result<Vec<View>> {
        self.read(|c| {
            collect(
                c,
                "SELECT own_number, name, query FROM view WHERE owner = ?1 ORDER BY name",
                [owner],
                |r| Ok(View { id: r.get(0)?, name: r.get(1)?, query: r.get(2)? }),
            )
        })
    }

    /// Keeps a view; the same name again replaces it.
    pub fn put_view(&self, owner: &str, name: &str, query: &str, now: At) -> Result<View> {
        self.write(|tx| {
            let (others, here): (i64, bool) = tx.query_row(
                "SELECT count(*), count(*) FILTER (WHERE name = ?2) > 0 FROM view WHERE owner = ?1",
                [owner, name],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            if !here && others >= MOST {
                return Err(StoreError::Conflict(format!(
                    "{MOST} views are kept already: delete one first"
                )));
            }
            let sql = "INSERT INTO view (owner, name, query, created_at) VALUES (?1,?2,?3,?4)
                ON CONFLICT(owner, name) DO UPDATE SET query = excluded.query";
            tx.execute(sql, params![owner, name, query, now])?;
            let sql = "SELECT own_number FROM view WHERE owner = ?1 AND name = ?2";
            let id = tx.query_row(sql, [owner, name], |r| r.get(0))?;
            Ok(View { id, name: name.to_owned(), query: query.to_owned() })
        })
    }

    /// Another's view is unknown.
    pub fn delete_view(&self, owner: &str, id: i64) -> Result<()> {
        self.write(|tx| {
            let sql = "DELETE FROM view WHERE owner = ?1 AND own_number = ?2 RETURNING own_number";
            let gone: Option<i64> =
                tx.query_row(sql, params![owner, id], |r| r.get(0)).optional()?;
            gone.map(drop).ok_or_else(|| StoreError::Unknown { what: "view", id: id.to_string() })
        })
    }

    /// Institutions with boxes, those with a silent one first.
    pub fn places_seen(&self, part: &ListPart) -> Result<Vec<InstitutionSeen>> {
        self.read(|c| {
            // Everything is read in the order of the list and ends with its page; a part of the
            // country is sorted first.
            let then = c.join_in_order();
            let from = if part.jurisdiction.is_empty() {
                format!("place k {then} institution i ON i.id = k.institution WHERE ?1 = ''")
            } else {
                format!(
                    "institution i {then} place k ON k.institution = i.id WHERE \
                    i.jurisdiction >= ?1 \
                    AND i.jurisdiction < ?1 || '~'"
                )
            };
            let sql = format!(
                "WITH p AS (SELECT i.id, i.name, k.boxes, k.online FROM {from} AND k.boxes > 0 AND
                (?2 = '' OR i.id = ?2)
                    ORDER BY (k.online < k.boxes) DESC, k.institution LIMIT ?3)
                SELECT p.id, p.name, p.boxes, p.online, coalesce(sum(a.n), 0),
                coalesce(max(a.severity), 0) FROM p
                    LEFT JOIN place_alert a ON a.institution = p.id AND a.n > 0
                    GROUP BY p.id, p.name, p.boxes, p.online
                    ORDER BY (p.online < p.boxes) DESC, 5 DESC, p.id"
            );
            collect(
                c,
                &sql,
                (&part.jurisdiction, &part.institution, part.limit.clamp(1, 501)),
                |r| {
                    Ok(InstitutionSeen {
                        institution: r.get(0)?,
                        name: r.get(1)?,
                        boxes: r.get(2)?,
                        online: r.get(3)?,
                        open_alerts: r.get(4)?,
                        worst: r.get(5)?,
                    })
                },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_its_owners_and_a_name_stands_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let first = store.put_view("wang", "紧急", "severity=L3", At::EPOCH).unwrap();
        let again = store.put_view("wang", "紧急", "severity=L2", At::EPOCH).unwrap();
        assert_eq!((first.id, store.views("wang").unwrap().len()), (again.id, 1));
        assert_eq!(store.views("wang").unwrap()[0].query, "severity=L2");
        assert!(store.views("li").unwrap().is_empty());
        assert!(store.delete_view("li", first.id).is_err(), "another's view was deleted");
        store.delete_view("wang", first.id).unwrap();
        for n in 0..MOST {
            store.put_view("wang", &n.to_string(), "", At::EPOCH).unwrap();
        }
        assert!(store.put_view("wang", "one more", "", At::EPOCH).is_err());
    }
}
