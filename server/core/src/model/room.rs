//! A room of an institution: its zones, its hours, and where its box stands.

use protocol::down::{DeploymentMode, Zones};
use protocol::id::{InstitutionId, RoomId};
use serde::{Deserialize, Serialize};

use super::{LABEL_CHARS, word};
use crate::clock;
use crate::text::{FoldFault, line_or_nothing};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Room {
    pub id: RoomId,
    pub institution: InstitutionId,
    #[serde(default)]
    pub name: String,
    /// Left out: at the door. Nobody has said yet that a camera may look into the room.
    #[serde(default = "at_the_door", deserialize_with = "word::mode")]
    pub mode: DeploymentMode,
    #[serde(default)]
    pub intimate: bool,
    /// Of a new room: whether patients undress there. It becomes the first proposal of its privacy
    /// class, which the authority confirms; where they do, the room begins intimate, with its
    /// camera at the door. It is kept there, not with the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undressing: Option<bool>,
    #[serde(default = "shanghai")]
    pub time_zone: String,
    #[serde(default)]
    pub zones: Zones,
    #[serde(default = "always_open")]
    pub opening_min: Vec<Vec<(u16, u16)>>,
}

fn shanghai() -> String {
    "Asia/Shanghai".to_owned()
}

fn at_the_door() -> DeploymentMode {
    DeploymentMode::Doorway
}

fn always_open() -> Vec<Vec<(u16, u16)>> {
    vec![vec![(0, 1440)]; 7]
}

impl Room {
    pub fn check(&self) -> Result<(), FoldFault> {
        line_or_nothing("name", &self.name, LABEL_CHARS)?;
        if self.intimate && self.mode == DeploymentMode::InRoom {
            return Err("mode: an intimate room refuses in_room, use doorway".to_owned());
        }
        if self.undressing == Some(true) && self.mode == DeploymentMode::InRoom {
            return Err("mode: where patients undress the camera stands at the door: use doorway"
                .to_owned());
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(format!(
                "time_zone: `{}` is no IANA zone such as Asia/Shanghai",
                clock::clip(&self.time_zone, 40)
            ));
        }
        let good = |&(from, to): &(u16, u16)| from < to && to <= 1440;
        if self.opening_min.len() != 7 || !self.opening_min.iter().flatten().all(good) {
            return Err(
                "opening_min: seven lists (from Monday) of [from, to] in minutes, 0 to 1440, from \
                < to"
                    .to_owned(),
            );
        }
        let zones = &self.zones;
        for (what, polygons) in [
            ("operator", &zones.operator),
            ("bed", &zones.bed),
            ("companion", &zones.companion),
            ("door", &zones.door),
            ("privacy_mask", &zones.privacy_mask),
        ] {
            let inside = |&(x, y): &(i32, i32)| (0..=1000).contains(&x) && (0..=1000).contains(&y);
            if !polygons.iter().all(|p| (3..=64).contains(&p.len()) && p.iter().all(inside)) {
                return Err(format!(
                    "zones.{what}: each polygon needs 3 to 64 corners, each 0 to 1000 \
                    (thousandths of the picture)"
                ));
            }
        }
        Ok(())
    }
}
