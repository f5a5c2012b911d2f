//! Forms as whoever fills them in meets them: what is refused is shown again as it was typed, the
//! fault beside its field, and what is saved leads back to its place.

use crate::accounts::form;
use crate::house::House;

/// Every field of a room, as its form sends them.
const ROOM: &str = "name=Laser room&institution=clinic-1&mode=doorway&time_zone=Asia%2FShanghai&\
    operator=&bed=&companion=&door=&privacy_mask=&day0=08:30-12:00&day1=&day2=&day3=&day4=&day5=&\
    day6=";

#[test]
fn a_saved_row_leads_back_to_its_place() {
    let house = House::new();
    house.furnish();
    let (_, list) = house.page("/registry?noun=rooms&q=room&lang=zh");
    assert!(list.contains("/registry/rooms/room-1?q=room\""), "{list}");
    let (_, open) = house.page("/registry/rooms/room-1?q=room&lang=zh");
    assert!(open.contains("/registry?noun=rooms&#38;q=room\""), "{open}");
    let saved = form(&house, "/registry/rooms/room-1?q=room", "", ROOM);
    let back = "/registry?noun=rooms&q=room&saved=room-1#row-room-1";
    assert!(saved.status == 303 && saved.head.contains(back), "{} {}", saved.status, saved.head);
    let (_, list) = house.page("/registry?noun=rooms&q=room&saved=room-1&lang=zh");
    assert!(list.contains("id=\"row-room-1\""), "{list}");
    assert!(list.contains("已保存 <a href=\"/registry/rooms/room-1?q=room\">Laser room</a>"), "{list}");
    // What the filter does not show is named all the same.
    let (_, list) = house.page("/registry?noun=rooms&q=nothing&saved=room-1&lang=zh");
    assert!(list.contains(">Laser room</a>"), "{list}");
}
