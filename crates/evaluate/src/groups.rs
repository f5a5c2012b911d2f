//! Demographic groups (ISO/IEC 19795-10): who belongs to which, and a control of equal size beside
//! each. It measures nothing, and guesses nobody's group: a list says it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail, ensure};

use crate::{dice::Dice, people::Person};

/// The group of people in a list without a second column.
const LISTED: &str = "listed";

/// Groups by name, and who belongs to them, by the name of the person's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<String, Vec<String>>);

impl Groups {
    /// Reads a CSV `person,group` (a header is passed over), or a plain list of people, who are
    /// then one group. Lines that start with `#` are remarks.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// [`Groups::load`] of a text that errors call `file`.
    pub fn parse(text: &str, file: &str) -> anyhow::Result<Self> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut group_of: BTreeMap<&str, &str> = BTreeMap::new();
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty()
                || line.starts_with('#')
                || (number == 0 && line.starts_with("person"))
            {
                continue;
            }
            let (person, group) = match line.split(',').map(str::trim).collect::<Vec<_>>()[..] {
                [person] if !person.is_empty() => (person, LISTED),
                [person, group] if !person.is_empty() && !group.is_empty() => (person, group),
                _ => bail!("{file}:{}: expected \"person,group\" or a person's name", number + 1),
            };
            match group_of.insert(person, group) {
                None => groups.entry(group.to_owned()).or_default().push(person.to_owned()),
                Some(before) => ensure!(
                    before == group,
                    "{file}:{}: the same person stands in \"{before}\" and in \"{group}\"",
                    number + 1
                ),
            }
        }
        ensure!(
            !groups.is_empty(),
            "{file}: names nobody; one \"person,group\" a line is expected"
        );
        Ok(Self(groups))
    }

    /// Each group with the indices of its people.
    pub fn members(&self, people: &[Person]) -> BTreeMap<String, Vec<usize>> {
        let index: BTreeMap<&str, usize> =
            people.iter().enumerate().map(|(i, p)| (p.id.as_str(), i)).collect();
        let found = |ids: &Vec<String>| {
            ids.iter().filter_map(|id| index.get(id.as_str()).copied()).collect()
        };
        self.0.iter().map(|(name, ids)| (name.clone(), found(ids))).collect()
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

    fn person(id: &str) -> Person {
        Person { id: id.to_owned(), photos: Vec::new() }
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
