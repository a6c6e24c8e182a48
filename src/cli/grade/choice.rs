//! Which pages and steps of a course are graded.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::failure::BadUsage;
use crate::lesson::{Course, StepId};

/// Pages by their number in the course, and their executed steps in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The pages.
    pub pages: BTreeSet<usize>,
    /// The steps.
    pub steps: Vec<StepId>,
}

impl Choice {
    /// What of a course is graded: pages that fit one of the patterns (without one, all), and of their steps those from
    /// number `from` to number `until`, counted from 1.
    ///
    /// # Errors
    /// When there is no step of that number.
    pub fn of(
        course: &Course,
        named: &Path,
        filters: &[glob::Pattern],
        from: Option<u32>,
        until: Option<u32>,
    ) -> Result<Self, BadUsage> {
        let fits = |path: &Path| {
            let inside = path.strip_prefix(named).unwrap_or(path);
            filters.is_empty() || filters.iter().any(|filter| filter.matches_path(inside) || filter.matches_path(path))
        };
        let chosen = course.lessons.iter().enumerate().filter(|(_, lesson)| fits(&lesson.path));
        let mut pages: BTreeSet<usize> = chosen.map(|(number, _)| number).collect();
        let mut steps = Vec::new();
        for &page in &pages {
            let lesson = &course.lessons[page];
            let executed = lesson.steps.iter().enumerate().filter(|(_, step)| step.executed && lesson.executable);
            steps.extend(executed.map(|(step, _)| StepId { lesson: page, step }));
        }
        if from.is_none() && until.is_none() {
            return Ok(Self { pages, steps });
        }
        let number = |given: Option<u32>, default: usize, option: &str| match given {
            None => Ok(default),
            Some(number) => match usize::try_from(number) {
                Ok(number) if number <= steps.len() => Ok(number),
                _ => Err(BadUsage {
                    message: format!("{option} {number}: there are {} steps to grade", steps.len()),
                    help: Some("`lectern steps` shows them; those with `executed` are counted, from 1".into()),
                }),
            },
        };
        let (first, last) = (number(from, 1, "--from")?, number(until, steps.len(), "--until")?);
        if first > last {
            let message = format!("--from {first} is behind --until {last}");
            return Err(BadUsage { message, help: None });
        }
        let steps = steps[first - 1..last].to_vec();
        pages.retain(|page| steps.iter().any(|id| id.lesson == *page));
        Ok(Self { pages, steps })
    }
}
