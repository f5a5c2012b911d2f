//! Demographic groups (ISO/IEC 19795-10): who belongs to which, and a control of equal size beside
//! each. It measures nothing, and guesses nobody's group: a list says it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{bail, ensure};

use crate::{
    people::PersonPhotos,
    table::{self, TableLine},
};
use dice::Dice;

/// The group of people in a list without a second column.
const LISTED: &str = "listed";
/// What stands over a column of people, and over one of groups.
const PERSON_HEADS: [&str; 8] =
    ["person", "people", "name", "id", "folder", "姓名", "人员", "文件夹"];
const GROUP_HEADS: [&str; 5] = ["group", "cohort", "组", "组别", "分组"];
/// Names of an error or a warning, at most.
const MOST_NAMED: usize = 3;

/// Groups by name, and who belongs to them, by the name of the person's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<String, BTreeSet<String>>);

impl Groups {
    /// Reads a CSV `person,group` (a header is passed over), or a plain list of people, who are
    /// then one group. Lines that start with `#` are remarks.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        Self::of(table::load(path)?, &path.display().to_string())
    }

    /// [`Groups::load`] of a text that errors call `file`.
    pub fn parse(text: &str, file: &str) -> anyhow::Result<Self> {
        Self::of(table::parse(text, file)?, file)
    }

    fn of(rows: Vec<TableLine>, file: &str) -> anyhow::Result<Self> {
        let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut group_of: BTreeMap<String, String> = BTreeMap::new();
        for (number, row) in rows.into_iter().enumerate() {
            let (person, group) = match row.cells()[..] {
                ref cells if number == 0 && is_header(cells) => continue,
                [person] if !person.is_empty() => (person, LISTED),
                [person, group] if !person.is_empty() && !group.is_empty() => (person, group),
                _ => bail!("{file}:{}: expected \"person,group\" or a person's name", row.line),
            };
            groups.entry(group.to_owned()).or_default().insert(person.to_owned());
            if let Some(before) = group_of.insert(person.to_owned(), group.to_owned()) {
                ensure!(
                    before == group,
                    "{file}:{}: the same person stands in \"{before}\" and in \"{group}\"",
                    row.line
                );
            }
        }
        ensure!(
            !groups.is_empty(),
            "{file}: names nobody; one \"person,group\" a line is expected"
        );
        Ok(Self(groups))
    }

    /// Each group with the indices of its people.
    pub fn members(&self, people: &[PersonPhotos]) -> BTreeMap<String, Vec<usize>> {
        let index: BTreeMap<&str, usize> =
            people.iter().enumerate().map(|(i, p)| (p.id.as_str(), i)).collect();
        let found = |ids: &BTreeSet<String>| {
            ids.iter().filter_map(|id| index.get(id.as_str()).copied()).collect()
        };
        self.0.iter().map(|(name, ids)| (name.clone(), found(ids))).collect()
    }

    /// How many people a list names as a group's.
    pub fn named(&self, group: &str) -> usize {
        self.0.get(group).map_or(0, BTreeSet::len)
    }

    /// Holds the names against the folders that there are: by group a warning where some have none,
    /// an error where a whole group has none.
    pub fn known(&self, folders: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, String>> {
        let mut warnings = BTreeMap::new();
        for (group, ids) in &self.0 {
            let missing: Vec<&str> =
                ids.difference(folders).take(MOST_NAMED).map(String::as_str).collect();
            let count = ids.difference(folders).count();
            if count == 0 {
                continue;
            }
            let line = format!(
                "{count} of the {} people named for \"{group}\" have no folder ({}{})",
                ids.len(),
                missing.join(", "),
                if count > missing.len() { ", …" } else { "" }
            );
            ensure!(count < ids.len(), "{line}; a person is named as their folder");
            warnings.insert(group.clone(), line);
        }
        Ok(warnings)
    }
}

/// Whether the first row says what stands in the columns.
fn is_header(cells: &[&str]) -> bool {
    let among = |heads: &[&str], cell: &str| heads.contains(&cell.to_lowercase().as_str());
    match cells {
        [person] => among(&PERSON_HEADS, person),
        [person, group] => among(&PERSON_HEADS, person) || among(&GROUP_HEADS, group),
        _ => false,
    }
}

/// Who of a set, and which of their photographs, by index.
pub type Chosen = Vec<(usize, Vec<usize>)>;

/// As many people outside the group, with as many photographs each (fewer where nobody has so
/// many), drawn by seed: a rate of few people with few photographs is not to be compared with one
/// of many.
pub fn control(photos: &[usize], group: &[usize], seed: u64) -> Chosen {
    let mut dice = Dice::new(seed, 0xC017);
    let mut others: Vec<usize> = (0..photos.len()).filter(|i| !group.contains(i)).collect();
    dice.shuffle(&mut others);
    // The hardest to find are looked for first; a stable sort keeps the drawn order among equals.
    others.sort_by_key(|i| photos[*i]);
    let mut wanted: Vec<usize> = group.iter().map(|i| photos[*i]).collect();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    let mut chosen = Chosen::new();
    for count in wanted {
        let place = others.partition_point(|i| photos[*i] < count);
        let Some(place) = place.checked_sub(usize::from(place == others.len())) else { break };
        let person = others.remove(place);
        let mut order: Vec<usize> = (0..photos[person]).collect();
        dice.shuffle(&mut order);
        order.truncate(count);
        chosen.push((person, order));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str) -> PersonPhotos {
        PersonPhotos { id: id.to_owned(), photos: Vec::new() }
    }

    #[test]
    fn a_csv_and_a_plain_list_name_groups() {
        let people = [person("a"), person("b"), person("c")];
        let csv = Groups::parse("person,group\nc,east\na,west\nnobody,west\n", "g.csv")
            .expect("two groups");
        let members = csv.members(&people);
        assert_eq!((&members["east"], &members["west"]), (&vec![2], &vec![0]));
        let list = Groups::parse("# names\nb\nb\n", "g.txt").expect("one group");
        assert_eq!(list.members(&people)[LISTED], [1]);
    }

    #[test]
    fn a_wrong_line_is_named_with_its_number() {
        for text in ["a,b,c\n", "a,\n", ",b\n"] {
            let said = Groups::parse(text, "g.csv").expect_err("a wrong line").to_string();
            assert!(said.starts_with("g.csv:1:") && !said.contains('\n'), "{said}");
        }
        let said =
            Groups::parse("a,east\na,west\n", "g.csv").expect_err("in two groups").to_string();
        assert!(
            said.contains("g.csv:2") && said.contains("east") && said.contains("west"),
            "{said}"
        );
        assert!(Groups::parse("person,group\n", "g.csv").is_err());
    }

    #[test]
    fn the_control_has_as_many_people_and_photographs() {
        let photos = [3, 1, 1, 9, 2, 4, 1];
        let chosen = control(&photos, &[0, 1], 7);
        let counts: Vec<usize> = chosen.iter().map(|(_, kept)| kept.len()).collect();
        assert_eq!(counts, [3, 1]);
        assert!(chosen.iter().all(|(person, _)| ![0, 1].contains(person)));
        assert_eq!(chosen, control(&photos, &[0, 1], 7), "the same seed draws the same");
        let few = control(&[5, 2, 1], &[0], 1);
        assert_eq!(few[0].1.len(), 2, "the most that anybody has");
    }
}
