//! A cohort that is nobody: rivals for small galleries, drawn from the mean and the spread of a
//! group of people. Each row is the group's mean plus a random mixture of *all* its people plus
//! noise, and is kept only where every person there is has `K` other people nearer to them than the
//! row: it singles out nobody. It holds no photograph and no person's template.

use anyhow::ensure;
use vision::Embedding;

use dice::Dice;

/// Every person has so many others who are more like them than any row is.
pub const K: usize = 10;
/// Share of the spread that is noise in every direction: the people are too few to know their
/// spread in all of them.
const NOISE: f32 = 0.3;
/// A row stays this far (cosine) below the nearest of a person's `K` others: 8 bits move it a
/// little.
const CLEAR: f32 = 0.003;
/// Draws for each row, before it is given up.
const MOST_DRAWS: usize = 2_000;

/// Draws `rows` rows like `group` (one mean vector a person) that single out none of `everyone`.
pub fn draw(
    group: &[Embedding],
    everyone: &[Embedding],
    rows: usize,
    seed: u64,
) -> anyhow::Result<Vec<Embedding>> {
    ensure!(
        group.len() >= 10 * K,
        "{} people are in the group; {} are needed",
        group.len(),
        10 * K
    );
    let length = group[0].len();
    let count = group.len() as f32;
    let mut mean = vec![0.0_f32; length];
    for person in group {
        mean.iter_mut().zip(person.as_slice()).for_each(|(total, v)| *total += v / count);
    }
    let spread: Vec<Vec<f32>> = group
        .iter()
        .map(|p| p.as_slice().iter().zip(&mean).map(|(v, m)| v - m).collect())
        .collect();
    let variance =
        spread.iter().flatten().map(|v| v * v).sum::<f32>() / (count - 1.0) / length as f32;
    let (mixed, noise) = (((1.0 - NOISE) / (count - 1.0)).sqrt(), (NOISE * variance).sqrt());
    let limits = limits(everyone);
    let mut dice = Dice::new(seed, 0xC0_4087);
    let mut kept = Vec::with_capacity(rows);
    for _ in 0..rows * MOST_DRAWS {
        if kept.len() == rows {
            break;
        }
        let mut row: Vec<f32> = mean.iter().map(|m| m + dice.normal_f64() as f32 * noise).collect();
        for person in &spread {
            let weight = dice.normal_f64() as f32 * mixed;
            row.iter_mut().zip(person).for_each(|(total, v)| *total += v * weight);
        }
        kept.extend(
            Embedding::normalised(row)
                .filter(|row| singled_out(row, everyone, &limits, CLEAR) == 0),
        );
    }
    ensure!(
        kept.len() == rows,
        "only {} rows out of {} draws single out nobody",
        kept.len(),
        rows * MOST_DRAWS
    );
    Ok(kept)
}

/// How many of these people some row is nearer to than `K` others are; one vector a person.
pub fn people_singled_out(rows: &[Embedding], everyone: &[Embedding]) -> usize {
    let limits = limits(everyone);
    rows.iter().map(|row| singled_out(row, everyone, &limits, 0.0)).sum()
}

/// Of each person the cosine of the `K`th nearest other person.
fn limits(everyone: &[Embedding]) -> Vec<f32> {
    let limit = |person: &Embedding, own: usize| {
        let others = everyone.iter().enumerate().filter(|(other, _)| *other != own);
        let mut alike: Vec<f32> = others.filter_map(|(_, other)| person.cosine(other)).collect();
        alike.sort_unstable_by(|a, b| b.total_cmp(a));
        alike.get(K - 1).copied().unwrap_or(-1.0)
    };
    everyone.iter().enumerate().map(|(own, person)| limit(person, own)).collect()
}

fn singled_out(row: &Embedding, everyone: &[Embedding], limits: &[f32], clear: f32) -> usize {
    let nearer = |(person, limit): &(&Embedding, &f32)| {
        row.cosine(person).is_some_and(|c| c > **limit - clear)
    };
    everyone.iter().zip(limits).filter(nearer).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People who share a direction, as a group's faces do.
    fn people(count: usize, seed: u64) -> Vec<Embedding> {
        let mut dice = Dice::new(seed, 1);
        let mut person = || {
            let values = (0..48).map(|i| dice.normal_f64() as f32 + if i < 4 { 1.5 } else { 0.0 });
            Embedding::normalised(values.collect()).expect("a direction")
        };
        (0..count).map(|_| person()).collect()
    }

    #[test]
    fn a_persons_own_template_singles_them_out() {
        let everyone = people(200, 1);
        let mut rows = draw(&everyone, &everyone, 4, 1).expect("a cohort");
        assert_eq!(people_singled_out(&rows, &everyone), 0);
        rows[2] = everyone[7].clone();
        assert!(people_singled_out(&rows, &everyone) >= 1);
    }

    #[test]
    fn a_mean_of_ten_people_singles_out_its_people() {
        let everyone = people(200, 2);
        let centroid =
            Embedding::mean(everyone[..10].iter().map(|p| (p, 1.0))).expect("a direction");
        assert!(
            people_singled_out(&[centroid], &everyone) >= 1,
            "so plain centroids are not shipped"
        );
    }

    #[test]
    fn rows_resemble_the_group_and_the_same_seed_draws_the_same() {
        let everyone = people(200, 3);
        let rows = draw(&everyone, &everyone, 4, 5).expect("a cohort");
        let mean = Embedding::mean(everyone.iter().map(|p| (p, 1.0))).expect("a direction");
        let alike: f32 = rows.iter().filter_map(|row| row.cosine(&mean)).sum::<f32>() / 4.0;
        assert!(alike > 0.1, "{alike}");
        assert_eq!(rows, draw(&everyone, &everyone, 4, 5).expect("a cohort"));
        assert_ne!(rows, draw(&everyone, &everyone, 4, 6).expect("a cohort"));
    }

    #[test]
    fn too_few_people_make_no_cohort() {
        let few = people(99, 4);
        let said = draw(&few, &few, 8, 1).expect_err("too few").to_string();
        assert!(said.contains("99") && said.contains("100"), "{said}");
    }
}
