//! Forms as whoever fills them in meets them: what is refused is shown again as it was typed, the
//! fault beside its field, and what is saved leads back to its place.

use serde_json::json;
use server::access::Role;

use crate::access::login;
use crate::accounts::form;
use crate::boxes::{TestBox, health};
use crate::house::House;
use crate::inbox;

/// The cookie of somebody who has logged in.
fn logged_in(house: &House, name: &str, role: Role, scope: &str) -> String {
    format!("zaigang={}", login(house, name, role, scope))
}

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
    assert!(
        list.contains("已保存 <a href=\"/registry/rooms/room-1?q=room\">Laser room</a>"),
        "{list}"
    );
    // What the filter does not show is named all the same.
    let (_, list) = house.page("/registry?noun=rooms&q=nothing&saved=room-1&lang=zh");
    assert!(list.contains(">Laser room</a>"), "{list}");
}

#[test]
fn a_refused_bulk_step_is_told_in_chinese_and_kept() {
    let house = inbox::house();
    let wang = logged_in(&house, "wang", Role::Reviewer, "5101");
    let [first, second] = inbox::ids();
    let bulk =
        |ids: &str, rest: &str| form(&house, "/bulk?lang=zh", &wang, &format!("{ids}&{rest}"));
    let both = format!("id={first}&id={second}");
    let done = bulk(&format!("id={first}"), "step=uphold&note=seen&view=state=all");
    assert!(done.body.contains("1/1"), "{}", done.body);
    let again = bulk(&both, "step=uphold&note=twice&view=state=all").body;
    assert!(again.contains("1/2") && again.contains("已提出此意见，须由另一名人员复核"), "{again}");
    assert!(!again.contains("has already given"), "{again}");
    assert!(again.contains("value=\"twice\""), "the note was lost: {again}");
    let ticked = |page: &str, id: &str| page.contains(&format!("value=\"{id}\" checked"));
    assert!(ticked(&again, &first) && !ticked(&again, &second), "{again}");
    // What is wrong with the step itself stands at its field, and every tick stays.
    let none = bulk(&both, "step=dismiss&note=why&reason=nothing&view=state=all");
    assert_eq!(none.status, 422, "{}", none.body);
    assert!(none.body.contains("排除原因有误") && none.body.contains("value=\"why\""));
    assert!(ticked(&none.body, &first) && ticked(&none.body, &second), "{}", none.body);
    assert!(none.body.contains("<select name=\"reason\" aria-invalid=\"true\""), "{}", none.body);
}

#[test]
fn a_refused_step_keeps_its_form_as_typed() {
    let house = inbox::house();
    let wang = logged_in(&house, "wang", Role::Reviewer, "5101");
    let [first, second] = inbox::ids();
    let path = |id: &str| format!("/alerts/{id}?lang=zh");
    let refused = form(&house, &path(&first), &wang, "step=dismiss&note=half an hour's work");
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("half an hour&#39;s work</textarea>"), "{}", refused.body);
    assert!(refused.body.contains("<select name=\"reason\" aria-invalid=\"true\""));
    assert!(refused.body.contains("请选择排除原因"), "{}", refused.body);
    let empty = form(&house, &path(&first), &wang, "step=comment&reason=wrong_identity&note=");
    assert!(
        empty.body.contains("<textarea name=\"note\" rows=\"3\" maxlength=\"4000\" aria-invalid")
    );
    let stranger = form(&house, &path(&first), &wang, "step=assign&to=nobody&note=please");
    assert!(stranger.body.contains("value=\"nobody\" aria-invalid=\"true\""), "{}", stranger.body);
    assert!(stranger.body.contains("please</textarea>"), "{}", stranger.body);
    assert_eq!(form(&house, &path(&second), &wang, "step=uphold&note=seen").status, 303);
    let twice = form(&house, &path(&second), &wang, "step=uphold&note=once more");
    assert_eq!(twice.status, 409, "{}", twice.body);
    assert!(twice.body.contains("once more</textarea>"), "{}", twice.body);
    assert!(twice.body.contains("已提出此意见，须由另一名人员复核"), "{}", twice.body);
    // A clinic's own page does the same; what is not its to see stays a page of its own.
    let clinic = logged_in(&house, "clinic", Role::Clinic, "clinic-1");
    let said = form(&house, &path(&first), &clinic, "step=answer&note=   ");
    assert!(
        said.status == 422 && said.body.contains("请填写内容"),
        "{} {}",
        said.status,
        said.body
    );
    assert!(said.body.contains("本机构的说明"), "{}", said.body);
    assert_eq!(form(&house, &path("none"), &wang, "step=comment&note=x").status, 404);
}

#[test]
fn zones_are_drawn_in_the_shape_of_the_rooms_camera() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    let drawing = || house.page("/registry/rooms/room-1").1;
    assert!(drawing().contains("viewBox=\"0 0 1000 562\""), "nothing was told: 16:9");
    b.connect();
    let mut told = health();
    told["picture"] = json!({"width_px": 640, "height_px": 480});
    b.say(&told);
    b.receipted(1);
    assert!(drawing().contains("viewBox=\"0 0 1000 750\" data-height=\"750\""), "{}", drawing());
    assert!(!house.page("/registry/items/new").1.contains("zones.js"), "an item has no zones");
}

#[test]
fn a_small_forms_fault_stands_at_its_field() {
    let house = inbox::house();
    let boss = logged_in(&house, "boss", Role::Admin, "");
    let token = "role=auditor&scope=&name=kept words&days=900";
    let refused = form(&house, "/tokens?lang=zh", &boss, token).body;
    let days = refused.split("name=\"days\"").nth(1).expect("the field of the days");
    assert!(days.starts_with(" aria-invalid=\"true\" aria-describedby=\"fault\""), "{refused}");
    assert!(days.contains("id=\"fault\" role=\"alert\">有效期应为 1 至 366 天"), "{refused}");
    assert!(refused.contains("value=\"kept words\"") && refused.contains("value=\"900\""));
    assert!(!refused.contains("notice bad"), "it is told twice: {refused}");
    let invited = form(&house, "/accounts?lang=zh", &boss, "role=clinic&scope=&institution=");
    let clinic = invited.body.split("name=\"institution\"").nth(1).expect("the clinic's field");
    assert!(clinic.starts_with(" aria-invalid=\"true\""), "{}", invited.body);
    assert!(clinic.contains("机构账户必须选择所属机构"), "{}", invited.body);
    let hook = "id=a-hook&kind=webhook&target=http://nowhere.example/x&min_severity=2&quiet_from=9";
    let refused = form(&house, "/hooks?lang=zh", &boss, hook).body;
    let quiet = refused.split("name=\"quiet_from\"").nth(1).expect("the field of the quiet hours");
    assert!(quiet.starts_with(" aria-invalid=\"true\""), "{refused}");
    assert!(refused.contains("value=\"http://nowhere.example/x\""), "{refused}");
}
