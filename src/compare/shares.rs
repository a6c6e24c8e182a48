//! In how many rows of a table a value stands. Values that stand for each other stand in as many.

use std::collections::HashMap;

use super::counterpart::typed;
use super::masks::is_invented;

/// The counts of both tables, by row and by those columns that hold nothing but volatile values.
pub(super) struct Shares {
    wanted: Vec<Vec<usize>>,
    offered: Vec<Vec<usize>>,
}

impl Shares {
    /// Counts the cells of columns: the page's and the actual ones, from row to row.
    pub(super) fn of<'t>(columns: impl Iterator<Item = (Vec<&'t str>, Vec<&'t str>)>) -> Self {
        let mut shares = Self { wanted: Vec::new(), offered: Vec::new() };
        for (wanted, offered) in columns.filter(|(wanted, _)| wanted.iter().all(|cell| is_volatile(cell))) {
            count(&wanted, &mut shares.wanted);
            count(&offered, &mut shares.offered);
        }
        shares
    }

    /// Whether a row of the page and an actual one may be the same as far as the counts tell.
    pub(super) fn fit(&self, row: usize, candidate: usize) -> bool {
        self.wanted.get(row) == self.offered.get(candidate)
    }
}

/// Whether a cell is a value that stands for one other only, or says that there is none, as `<none>`.
fn is_volatile(cell: &str) -> bool {
    let value = || typed(cell, 0, "").is_some_and(|(kind, length)| length == cell.len() && kind.is_distinct());
    matches!(cell, "<none>" | "<unset>") || (value() && !is_invented(cell))
}

fn count(cells: &[&str], shares: &mut Vec<Vec<usize>>) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for cell in cells {
        *times.entry(cell).or_default() += 1;
    }
    shares.resize_with(cells.len(), Vec::new);
    for (share, cell) in shares.iter_mut().zip(cells) {
        share.push(times[cell]);
    }
}

#[cfg(test)]
mod tests {
    use super::Shares;

    #[test]
    fn rows_fit_that_share_their_node_with_as_many() {
        let page = ["ip-10-42-1-1.eu-west-1.compute.internal", "ip-10-42-1-2.eu-west-1.compute.internal"];
        let page = vec![page[0], page[1], page[1]];
        let own = ["ip-10-42-7-9.eu-west-1.compute.internal", "ip-10-42-7-8.eu-west-1.compute.internal"];
        let own = vec![own[0], own[0], own[1]];
        let names = (vec!["a", "b", "c"], vec!["a", "a", "a"]);
        let shares = Shares::of([names, (page, own)].into_iter());
        let fits: Vec<bool> = [(0, 0), (0, 2), (1, 0), (2, 1), (2, 2)].map(|(row, n)| shares.fit(row, n)).into();
        assert_eq!(fits, [false, true, true, true, false]);
    }
}
