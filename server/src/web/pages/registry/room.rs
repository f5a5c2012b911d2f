//! The form of a room: its camera's mode, its zones with a drawing of them, its opening hours.

use std::fmt::Write as _;

use protocol::down::{DeploymentMode, Polygon, Zones};

use super::{NEW, Sheet, institutions};
use crate::app::App;
use crate::model::Room;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::text::FoldFault;
use crate::web::pages::forms::{
    Drawing, FieldKind, FormField, Given, choices, clip, code_of, id, worded,
};
use crate::web::pages::frame::local;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

const DAYS_ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
const DAYS_EN: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn hours_words(l: Lang, week: &[Vec<(u16, u16)>]) -> String {
    if week.iter().all(|day| day.as_slice() == [(0, 1440)]) {
        return l.t("全天", "always open").to_owned();
    }
    let open = week.iter().filter(|day| !day.is_empty()).count();
    format!("{open} {}", l.t("天/周", "days a week"))
}

fn zone_fields(zones: &Zones) -> [(&'static str, &Vec<Polygon>); 5] {
    [
        ("operator", &zones.operator),
        ("bed", &zones.bed),
        ("companion", &zones.companion),
        ("door", &zones.door),
        ("privacy_mask", &zones.privacy_mask),
    ]
}

fn corners(polygon: &Polygon) -> String {
    polygon.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ")
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

pub(super) fn sheet(
    a: &App,
    seen: &VisibleInstitutions,
    l: Lang,
    id: &str,
) -> Result<Sheet, Problem> {
    let found = a
        .store
        .rooms()?
        .into_iter()
        .find(|r| r.id.as_str() == id && seen.has(r.institution.as_str()));
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("room", id));
    }
    let mut stored = Given::default();
    let height = drawn_height(a, id)?;
    let mut polygons = Vec::new();
    stored.set("time_zone", vec!["Asia/Shanghai".to_owned()]);
    stored.set("mode", vec!["doorway".to_owned()]);
    for n in 0..7 {
        stored.set(&format!("day{n}"), vec!["08:30-12:00, 13:30-18:00".to_owned()]);
    }
    if let Some(r) = &found {
        stored.set("id", vec![r.id.to_string()]);
        stored.set("name", vec![r.name.clone()]);
        stored.set("institution", vec![r.institution.to_string()]);
        stored.set("mode", vec![code_of(r.mode)]);
        stored.set("intimate", if r.intimate { vec!["yes".to_owned()] } else { vec![] });
        stored.set("time_zone", vec![r.time_zone.clone()]);
        for (name, zones) in zone_fields(&r.zones) {
            stored.set(name, vec![zones.iter().map(corners).collect::<Vec<_>>().join("\n")]);
            polygons.extend(zones.iter().map(|p| (name, scaled(p, height))));
        }
        for (n, day) in r.opening_min.iter().enumerate() {
            let spans: Vec<String> =
                day.iter().map(|(from, to)| format!("{}-{}", clock(*from), clock(*to))).collect();
            stored.set(&format!("day{n}"), vec![spans.join(", ")]);
        }
    }
    let title = found
        .as_ref()
        .map_or_else(|| l.t("新增诊室", "New room").to_owned(), |r| format!("{} {}", r.name, r.id));
    let zone = found.as_ref().map_or("", |r| r.time_zone.as_str());
    let fields = fields(l, (found.is_some(), zone), institutions(a, seen)?);
    let mut intro = l
        .t(
            "区域以画面宽高的千分之一为单位，每行一个多边形：x,y x,y x,y …",
            "Zones are in thousandths of the picture's width and height, one polygon a line: x,y \
            x,y x,y …",
        )
        .to_owned();
    for drawn in a.store.zones_drawn(id, 5)? {
        let words = l.t("在设备上绘制", "drawn at the box");
        // Writing to a text cannot fail.
        let _ = write!(intro, " · {} {words} {}", local(&drawn.at), drawn.device);
    }
    let picture = Some(Drawing { height, polygons });
    Ok(Sheet { fields, stored, title, intro, picture })
}

/// Of a picture that is 1000 wide: as the camera of the room has told its own; 16:9 until it has.
fn drawn_height(a: &App, room: &str) -> Result<u32, StoreError> {
    let boxes = a.store.devices_of_room(room)?;
    let told = boxes.iter().find_map(|b| b.health.as_ref()?.picture);
    let size = told.filter(|size| size.width_px > 0 && size.height_px > 0);
    Ok(size.map_or(562, |size| {
        let height = u64::from(size.height_px) * 1000 / u64::from(size.width_px);
        u32::try_from(height).unwrap_or(u32::MAX).clamp(100, 4000)
    }))
}

/// Corners in thousandths of the picture as points of the drawing.
fn scaled(polygon: &Polygon, height: u32) -> String {
    let point = |(x, y): &(i32, i32)| format!("{x},{}", i64::from(*y) * i64::from(height) / 1000);
    polygon.iter().map(point).collect::<Vec<_>>().join(" ")
}

/// The two of this country, and what stands already.
fn time_zones(l: Lang, stands: &str) -> Vec<(String, String)> {
    let known = [
        ("Asia/Shanghai", l.t("北京时间（UTC+8）", "Beijing (UTC+8)")),
        ("Asia/Urumqi", l.t("新疆时间（UTC+6）", "Xinjiang (UTC+6)")),
    ];
    let other = known.iter().all(|(code, _)| *code != stands) && !stands.is_empty();
    let own = |(code, words): (&str, &str)| (code.to_owned(), words.to_owned());
    known.into_iter().chain(other.then_some((stands, stands))).map(own).collect()
}

fn fields(
    l: Lang,
    (stands, zone): (bool, &str),
    institutions: Vec<(String, String)>,
) -> Vec<FormField> {
    let modes = choices(|mode: DeploymentMode| l.mode(mode));
    let mut fields = vec![
        FormField::new(FieldKind::Text, "id", l.t("编号", "Id")).needed().fixed(stands),
        FormField::new(FieldKind::Text, "name", l.t("名称", "Name")),
        FormField::new(FieldKind::Choice, "institution", l.t("机构", "Institution"))
            .options(institutions)
            .searched("institutions")
            .needed(),
        FormField::new(FieldKind::Choice, "mode", l.t("方式", "Mode")).options(modes).needed(),
        FormField::new(
            FieldKind::Yes,
            "intimate",
            l.t("私密诊室（只能使用门口签到）", "Intimate room (doorway only)"),
        ),
        FormField::new(FieldKind::Choice, "time_zone", l.t("时区", "Time zone"))
            .options(time_zones(l, zone))
            .needed(),
    ];
    if !stands {
        fields.push(undressing(l));
    }
    for (name, zh, en) in [
        ("operator", "操作区", "Operator ring"),
        ("bed", "床位", "Bed"),
        ("companion", "陪同区", "Companion"),
        ("door", "门区", "Door"),
        ("privacy_mask", "隐私遮蔽（先于一切处理）", "Privacy mask (before anything else)"),
    ] {
        fields.push(FormField::new(FieldKind::Area, name, l.t(zh, en)));
    }
    for (n, (zh, en)) in DAYS_ZH.iter().zip(DAYS_EN).enumerate() {
        let label = format!("{} {}", l.t(zh, en), l.t("营业时间", "open"));
        fields.push(FormField::new(FieldKind::Text, &format!("day{n}"), &label));
    }
    if let Some(first) = fields.iter_mut().find(|f| f.name == "day0") {
        l.t(
            "如 08:30-12:00, 13:30-18:00；空为休息；全天写 \
            00:00-24:00。用于判定设备在营业时间内是否正常",
            "such as 08:30-12:00, 13:30-18:00; empty is closed; 00:00-24:00 is all day. Read by \
            the rules of an empty room (HB-1) and of a disturbed box (HB-2)",
        )
        .clone_into(&mut first.hint);
    }
    fields
}

/// Asked of a new room alone; from then on the class has its own page.
fn undressing(l: Lang) -> FormField {
    let answers = worded(&["yes", "no"], |answer| {
        let undressed = answer == "yes";
        if undressed {
            l.t("需要脱衣", "they undress")
        } else {
            l.t("不需要", "nobody does")
        }
        .to_owned()
    });
    let label = l.t("就诊者在此脱衣？", "Do patients undress here?");
    let mut field =
        FormField::new(FieldKind::Choice, "undressing", label).options(answers).needed();
    l.t(
        "需要脱衣的诊室只能使用门口签到。此处所填作为机构意见，由主管机关确认。",
        "Where they do, the camera stands at the door alone. It is a proposal that the authority \
        confirms.",
    )
    .clone_into(&mut field.hint);
    field
}

/// What is left out is at the door, in Shanghai's time.
pub(super) fn read(given: &Given, code: &str) -> Result<Room, FoldFault> {
    let undressing = match given.text("undressing") {
        "" => None,
        said @ ("yes" | "no") => Some(said == "yes"),
        // Whatever else it means, it is not that nobody undresses there.
        _ => return Err("undressing: use yes or no".to_owned()),
    };
    let zone = |name: &str| polygons(name, given.text(name));
    let zones = Zones {
        operator: zone("operator")?,
        bed: zone("bed")?,
        companion: zone("companion")?,
        door: zone("door")?,
        privacy_mask: zone("privacy_mask")?,
    };
    let day = |n: usize| hours(&format!("day{n}"), given.text(&format!("day{n}")));
    Ok(Room {
        id: id(code)?,
        institution: given.id("institution")?,
        name: given.text("name").to_owned(),
        mode: given.optional_word("mode")?.unwrap_or(DeploymentMode::Doorway),
        intimate: given.yes("intimate"),
        undressing,
        time_zone: given.owned("time_zone").unwrap_or_else(|| "Asia/Shanghai".to_owned()),
        zones,
        opening_min: (0..7).map(day).collect::<Result<_, _>>()?,
    })
}

fn polygons(name: &str, text: &str) -> Result<Vec<Polygon>, String> {
    let text = crate::text::nfkc(text);
    let corner = |word: &str| {
        let (x, y) = word.split_once(',')?;
        Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
    };
    let mut polygons = Vec::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let wrong = |word: &str| {
            format!(
                "{name}: `{}` is no corner; write x,y x,y x,y with numbers of 0 to 1000",
                clip(word)
            )
        };
        let polygon: Polygon = line
            .split_whitespace()
            .map(|w| corner(w).ok_or_else(|| wrong(w)))
            .collect::<Result<_, _>>()?;
        let inside = |(x, y): &(i32, i32)| (0..=1000).contains(x) && (0..=1000).contains(y);
        if polygon.len() < 3 || polygon.len() > 64 || !polygon.iter().all(inside) {
            return Err(format!("{name}: each polygon needs 3 to 64 corners, each 0 to 1000"));
        }
        polygons.push(polygon);
    }
    Ok(polygons)
}

fn hours(name: &str, text: &str) -> Result<Vec<(u16, u16)>, String> {
    let minutes = |word: &str| {
        let (h, m) = word.trim().split_once(':')?;
        let (h, m): (u16, u16) = (h.parse().ok()?, m.parse().ok()?);
        (m < 60 && h <= 24 && h * 60 + m <= 1440).then_some(h * 60 + m)
    };
    let span = |word: &str| {
        let wrong = || {
            format!("{name}: `{}` is no opening time; write 08:30-12:00, 13:30-18:00", clip(word))
        };
        let (from, to) = word.split_once(['-', '–', '—', '~', '至']).ok_or_else(wrong)?;
        let (from, to) = minutes(from).zip(minutes(to)).ok_or_else(wrong)?;
        if from < to { Ok((from, to)) } else { Err(wrong()) }
    };
    let text = crate::text::nfkc(text);
    text.split([',', ';', '、']).filter(|w| !w.trim().is_empty()).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulty_hours_and_zones_name_their_field() {
        assert_eq!(hours("day0", "08:30-12:00, 13:30–18:00").unwrap(), [(510, 720), (810, 1080)]);
        for typed in ["０８：３０－１２：００、１３：３０—１８：００", "08:30至12:00；13:30～18:00"]
        {
            assert_eq!(hours("day0", typed).unwrap(), [(510, 720), (810, 1080)], "{typed}");
        }
        assert_eq!(hours("day0", "00:00-24:00").unwrap(), [(0, 1440)]);
        assert_eq!(hours("day6", "").unwrap(), []);
        for bad in ["18:00-08:00", "8-12", "24:01-24:02", "08:60-09:00", "99:00-99:10"] {
            assert!(hours("day1", bad).unwrap_err().starts_with("day1:"), "{bad} was taken");
        }
        assert_eq!(polygons("bed", "0,0 10,0 10,10\n\n1,1 2,2 3,3").unwrap().len(), 2);
        assert_eq!(polygons("bed", "０，０ 10，0 10,10").unwrap().len(), 1);
        for bad in ["0,0 1,1", "0,0 1,1 2", "0,0 1,1 2,1001", "a,b c,d e,f"] {
            assert!(polygons("bed", bad).unwrap_err().starts_with("bed:"), "{bad} was taken");
        }
    }
}
