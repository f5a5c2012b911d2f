//! Three practitioners in the drawn room, who walk, stand and sit: the scene of the measurements,
//! and the gallery that knows them. Drawn faces, or photographs that the caller names. It decides
//! nothing and keeps no picture on disk.

use std::path::Path;

use image::RgbImage;
use presence::{
    BoxPx, PersonId, PointPx, Polygon, Practitioner, PractitionerCategory, RegistrationStatus,
    SiteRelation, Zones,
};
use scene::{Cast, Morning, PhotoCast, Scene, room};
use vision::{Analyzer, Gallery, Picture, PixelOrder};

/// Who plays: the first three practitioners of the bundled morning.
const PLAYERS: usize = 3;
/// Where each is at which second, again and again.
const PATHS: [&[(&str, u64)]; PLAYERS] = [
    &[("operator_left", 0), ("operator_middle", 9), ("operator_left", 18)],
    &[("aside", 0), ("door", 11), ("aside", 22)],
    &[("companion_chair", 0)],
];

/// The scene with its three people, for `seconds`.
pub(super) fn scene(cast: Option<&Path>, seed: u64, seconds: u64) -> anyhow::Result<Scene> {
    let mut morning = Morning::bundled()?;
    let players: Vec<String> =
        morning.practitioners().take(PLAYERS).map(|p| p.id.clone()).collect();
    let played = players.iter().zip(PATHS).map(|(person, path)| appearance(person, path, seconds));
    morning.appearances = played.collect::<anyhow::Result<_>>()?;
    Ok(match cast {
        None => Scene::drawn(morning, seed),
        Some(folder) => {
            let photos = PhotoCast::from_folder(folder, &morning, seed)?;
            Scene::new(morning, Cast::Photos(photos), seed)?
        }
    })
}

fn appearance(
    person: &str,
    path: &[(&str, u64)],
    seconds: u64,
) -> anyhow::Result<scene::ScriptedStay> {
    let (first, last) = (path.first().map_or("aside", |p| p.0), path.last().map_or(0, |p| p.1));
    let mut waypoints = vec![(first, 0)];
    let mut begun = 0;
    while last > 0 && begun < seconds {
        waypoints.extend(path[1..].iter().map(|(spot, at)| (*spot, begun + at)));
        begun += last;
    }
    // Whoever has come to the last waypoint is gone: stay until the end.
    waypoints.push((first, begun.max(seconds) + 5));
    let written = waypoints
        .iter()
        .map(|(spot, at)| format!("[\"{spot}\", \"{:02}:{:02}\"]", at / 60, at % 60));
    let path = written.collect::<Vec<_>>().join(", ");
    Ok(toml::from_str(&format!("person = \"{person}\"\npath = [{path}]"))?)
}

/// The three, enrolled by their photographs.
pub(super) fn gallery(scene: &Scene, analyzer: &mut Analyzer) -> anyhow::Result<Gallery<PersonId>> {
    let mut gallery = Gallery::new(analyzer.pack().to_string(), analyzer.embedding_length());
    gallery.set_cohort(analyzer.cohort());
    let morning = scene.morning();
    for person in morning.appearances.iter().map(|a| &a.person) {
        let Some(photo) = scene.enrolment_photo(person)? else {
            anyhow::bail!("{person} has no photograph")
        };
        let picture = picture(&photo)?;
        let faces = analyzer.detect(picture.frame())?;
        let Some(face) = faces.first() else {
            anyhow::bail!("no face is found in the photograph of {person}")
        };
        let template = analyzer.template(picture.frame(), face)?;
        gallery.insert(PersonId::new(person), &template)?;
    }
    Ok(gallery)
}

/// The three as the registry would have them.
pub(super) fn roster(scene: &Scene) -> Vec<Practitioner> {
    let known = |person: &String| Practitioner {
        id: PersonId::new(person),
        category: PractitionerCategory::LicensedPhysician,
        registration: RegistrationStatus::Valid,
        relation: SiteRelation::Primary,
        lead_for: Vec::new(),
        anaesthesia: false,
        confirmed: true,
        has_template: true,
    };
    scene.morning().appearances.iter().map(|a| known(&a.person)).collect()
}

pub(super) fn picture(image: &RgbImage) -> anyhow::Result<Picture> {
    Ok(Picture::new(image.as_raw().clone(), image.width(), image.height(), PixelOrder::Rgb)?)
}

/// The room's zones as the core takes them.
pub(super) fn zones() -> Zones {
    let of = |kind| {
        let zones = room::zones();
        let zones = zones.iter().filter(|zone| zone.kind == kind);
        zones
            .map(|z| Polygon {
                corners: z.polygon.iter().map(|(x, y)| PointPx { x: *x, y: *y }).collect(),
            })
            .collect()
    };
    Zones {
        operator: of(room::ZoneKind::OperatorRing),
        bed: of(room::ZoneKind::Bed),
        companion: of(room::ZoneKind::Companion),
        door: of(room::ZoneKind::Door),
        ..Zones::default()
    }
}

/// The box of a drawn face in whole pixels.
pub(super) fn whole(bbox: [f32; 4]) -> BoxPx {
    let [x, y, w, h] = bbox.map(|v| v.round() as i32);
    BoxPx { x, y, w, h }
}

/// A room without a bed: everybody may be followed everywhere.
pub(super) fn zones_of_nobody() -> Zones {
    Zones::default()
}
