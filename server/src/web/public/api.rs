//! The register as JSON with schema.org's names, and the institutions as a table. Persons stand in
//! their institution alone.

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::lookup::{cursor, cursor_after, value};
use super::page::nothing;
use super::{Door, Shared};
use crate::clock::At;
use crate::problem::Problem;
use crate::store::{PublicInstitution, PublicPractitioner};

const AT_ONCE: u32 = 100;

#[derive(Serialize)]
pub(super) struct PropertyValue {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "propertyID")]
    name: &'static str,
    value: String,
}

fn property(name: &'static str, value: &str) -> Option<PropertyValue> {
    let given = !value.is_empty();
    given.then(|| PropertyValue { kind: "PropertyValue", name, value: value.to_owned() })
}

#[derive(Serialize)]
struct Credential {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "credentialCategory")]
    category: &'static str,
    identifier: String,
    #[serde(rename = "validUntil")]
    valid_until: String,
}

/// An institution as schema.org names it.
#[derive(Serialize)]
pub(super) struct MedicalClinic {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@type")]
    kind: &'static str,
    /// Random; none of the server's own.
    slug: String,
    url: String,
    name: String,
    address: String,
    identifier: Vec<PropertyValue>,
    #[serde(rename = "medicalSpecialty")]
    subjects: Vec<String>,
    #[serde(rename = "hasCredential", skip_serializing_if = "Option::is_none")]
    credential: Option<Credential>,
    /// 手术级别上限.
    grade_ceiling: u8,
    /// 备案项目.
    filed_items: Vec<String>,
    /// 承诺书日期; empty for none.
    pledge_on: String,
    /// 护士人数.
    nurses: u32,
    /// 数据截至.
    as_of: String,
    /// 来源: whose register it is.
    source: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    employee: Vec<IndividualPhysician>,
}

/// A physician at an institution.
#[derive(Serialize)]
struct IndividualPhysician {
    #[serde(rename = "@type")]
    kind: &'static str,
    slug: String,
    name: String,
    category: protocol::down::PractitionerCategory,
    status: protocol::down::RegistrationStatus,
    relation: protocol::down::SiteRelation,
    scope: String,
    #[serde(rename = "medicalSpecialty")]
    lead_of: Vec<protocol::down::Specialty>,
    filed_on: String,
    as_of: String,
}

impl IndividualPhysician {
    fn of(p: PublicPractitioner) -> Self {
        Self {
            kind: "IndividualPhysician",
            slug: p.slug,
            name: p.name,
            category: p.category,
            status: p.status,
            relation: p.relation,
            scope: p.scope,
            lead_of: p.lead_of,
            filed_on: p.filed_on,
            as_of: p.as_of,
        }
    }
}

impl MedicalClinic {
    fn of(door: &Door, i: PublicInstitution, people: Vec<PublicPractitioner>) -> Self {
        let credential = Credential {
            kind: "EducationalOccupationalCredential",
            category: "医疗机构执业许可证",
            identifier: i.licence_no.clone(),
            valid_until: i.licence_until,
        };
        Self {
            context: "https://schema.org",
            kind: "MedicalClinic",
            url: format!("{}/p/i/{}", door.url, i.slug),
            identifier: [property("统一社会信用代码", &i.code), property("登记号", &i.licence_no)]
                .into_iter()
                .flatten()
                .collect(),
            credential: Some(credential).filter(|c| !c.identifier.is_empty()),
            slug: i.slug,
            name: i.name,
            address: i.address,
            subjects: i.subjects,
            grade_ceiling: i.grade_ceiling,
            filed_items: i.filed_items,
            nurses: i.nurses,
            pledge_on: i.pledge_on,
            as_of: i.as_of,
            source: door.authority.clone().unwrap_or_default(),
            employee: people.into_iter().map(IndividualPhysician::of).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Institutions {
    institutions: Vec<MedicalClinic>,
    /// The next `after`.
    next: Option<String>,
}

pub(super) async fn institutions(
    State(door): Shared,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Json<Institutions>, Problem> {
    let q = crate::clock::clip(&crate::text::plain(value(&asked, "q")), 60);
    if q.chars().count() == 1 {
        return Err(Problem::bad("q: use at least two characters, or leave it out"));
    }
    let after = cursor(value(&asked, "after"));
    let mut found = door.look_up(|store| store.search(&q, after, AT_ONCE))?;
    let full = found.len() > AT_ONCE as usize;
    found.truncate(AT_ONCE as usize);
    let next = found.last().filter(|_| full).map(cursor_after);
    let made = found.into_iter().map(|i| MedicalClinic::of(&door, i, Vec::new()));
    Ok(Json(Institutions { institutions: made.collect(), next }))
}

pub(super) async fn institution(
    State(door): Shared,
    Path(slug): Path<String>,
) -> Result<Json<MedicalClinic>, Problem> {
    let i = door.look_up(|store| store.institution(&slug))?.ok_or_else(nothing)?;
    let people = door.look_up(|store| store.people(&slug, At::now()))?;
    Ok(Json(MedicalClinic::of(&door, i, people)))
}

/// The institutions, and nobody who works there.
pub(super) async fn table(
    State(door): Shared,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let zh = value(&asked, "lang") == "zh";
    let version = door.ask(crate::store::PublicStore::version)?;
    let kept = door.tables.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(zh)].clone();
    let bytes = if let Some((_, bytes)) = kept.filter(|(made_of, _)| *made_of == version) {
        bytes
    } else {
        let bytes = Bytes::from(made_table(&door, zh)?);
        let mut kept = door.tables.lock().unwrap_or_else(PoisonError::into_inner);
        kept[usize::from(zh)] = Some((version, bytes.clone()));
        bytes
    };
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response())
}

/// Each column's name, and its Chinese head.
const COLUMNS: [(&str, &str); 13] = [
    ("name", "机构名称"),
    ("kind", "类别"),
    ("code", "统一社会信用代码"),
    ("licence_no", "执业许可登记号"),
    ("licence_until", "有效期至"),
    ("address", "地址"),
    ("subjects", "诊疗科目"),
    ("grade_ceiling", "手术级别上限"),
    ("filed_items", "备案项目"),
    ("pledge_on", "承诺书日期"),
    ("jurisdiction", "辖区"),
    ("nurses", "护士人数"),
    ("as_of", "数据截至"),
];
/// By which a spreadsheet knows UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn made_table(door: &Arc<Door>, zh: bool) -> Result<Vec<u8>, Problem> {
    let mut out = csv::Writer::from_writer(BYTE_ORDER_MARK.to_vec());
    let broken = |error: csv::Error| Problem::internal(&error);
    let head = COLUMNS.map(|(name, zh_name)| if zh { zh_name } else { name });
    out.write_record(head).map_err(broken)?;
    let mut after = (String::new(), String::new());
    loop {
        let page = door.look_up(|store| store.search("", (&after.0, &after.1), 500))?;
        let Some(last) = page.last().map(|i| (i.name.clone(), i.slug.clone())) else { break };
        for i in &page {
            let (grade, nurses) = (i.grade_ceiling.to_string(), i.nurses.to_string());
            let (subjects, items) = (i.subjects.join(";"), i.filed_items.join(";"));
            let row = [
                &i.name,
                &i.kind,
                &i.code,
                &i.licence_no,
                &i.licence_until,
                &i.address,
                &subjects,
                &grade,
                &items,
                &i.pledge_on,
                &i.jurisdiction,
                &nurses,
                &i.as_of,
            ];
            out.write_record(row.map(|cell| safe(cell))).map_err(broken)?;
        }
        if last == after || page.len() <= 500 {
            break;
        }
        after = last;
    }
    out.into_inner().map_err(|error| Problem::internal(&error.error()))
}

/// A cell that a spreadsheet would take for a formula is none.
fn safe(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}
