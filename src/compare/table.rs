//! Tables of kubectl, helm and the like: columns by name, rows by what they say, in any order where none is promised.

use super::command::Manner;
use super::effort::{Effort, Vacant};
use super::phrase::{Difference, Judge};
use super::remarks::is_benign;
use super::shares::Shares;
use super::terminal::Line;
use super::values::{Kind, is_age_cell};

/// Row comparisons beyond the linear ones that the search for an assignment may use.
const MOST_ATTEMPTS: usize = 3_000;

/// A header and the rows under it.
#[derive(Debug)]
pub(super) struct Table<'t> {
    columns: Vec<(&'t str, usize)>,
    header: Line<'t>,
    rows: Vec<Row<'t>>,
    /// The page leaves out rows.
    elided: bool,
}

#[derive(Debug)]
struct Row<'t> {
    line: Line<'t>,
    /// One for each column; none where the line can't be cut at the columns.
    cells: Option<Vec<&'t str>>,
}

/// Whether a line names columns: two or more, or just `NAME`, in capitals.
pub(super) fn is_header(text: &str) -> bool {
    let mut columns = 0;
    for column in split(text) {
        let letters = column.1.bytes().filter(u8::is_ascii_alphabetic).count();
        let shaped = column.1.bytes().all(|b| {
            b.is_ascii_uppercase()
                || b.is_ascii_digit()
                || matches!(b, b' ' | b'-' | b'(' | b')' | b'/' | b'%' | b'_' | b'.')
                || (b.is_ascii_lowercase() && column.1.contains('('))
        });
        if letters < 2 || !shaped || !column.1.starts_with(|c: char| c.is_ascii_uppercase()) {
            return false;
        }
        columns += 1;
    }
    columns > 1 || text.trim() == "NAME"
}

/// The pieces of a line between tabs or two and more blanks, with their offsets.
fn split(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while bytes.get(at).is_some_and(|b| matches!(b, b' ' | b'\t')) {
            at += 1;
        }
        let start = at;
        if start >= bytes.len() {
            return None;
        }
        while at < bytes.len() {
            let gap = bytes[at] == b'\t'
                || (bytes[at] == b' ' && bytes.get(at + 1).is_none_or(|b| matches!(b, b' ' | b'\t')));
            if gap {
                break;
            }
            at += 1;
        }
        Some((start, &text[start..at]))
    })
}

/// The tables of an output that starts with a header; lines ahead of it are given back.
pub(super) fn read<'t>(lines: &[Line<'t>]) -> Option<(Vec<Line<'t>>, Vec<Table<'t>>)> {
    let mut ahead = Vec::new();
    let mut tables: Vec<Table<'t>> = Vec::new();
    for &line in lines {
        if is_header(line.text) {
            let columns = split(line.text).map(|(at, name)| (name, at)).collect();
            let elided = tables.is_empty() && ahead.iter().any(|l: &Line<'_>| l.is_elision());
            tables.push(Table { columns, header: line, rows: Vec::new(), elided });
            continue;
        }
        match tables.last_mut() {
            None => ahead.push(line),
            Some(table) if line.is_elision() => table.elided = true,
            Some(table) => {
                let cells = cut(line.text, &table.columns);
                table.rows.push(Row { line, cells });
            }
        }
    }
    (!tables.is_empty()).then_some((ahead, tables))
}

/// Cuts a line into one cell for each column: at gaps if they are as many, else at the columns, else at blanks.
fn cut<'t>(text: &'t str, columns: &[(&str, usize)]) -> Option<Vec<&'t str>> {
    let pieces: Vec<&str> = split(text).map(|(_, piece)| piece).collect();
    if pieces.len() == columns.len() {
        return Some(pieces);
    }
    let at_columns: Option<Vec<&str>> = columns
        .iter()
        .enumerate()
        .map(|(index, &(_, start))| {
            let end = columns.get(index + 1).map_or(text.len(), |&(_, next)| next.min(text.len()));
            let start = start.min(text.len());
            let clear = start == 0 || start == text.len() || text.as_bytes()[start - 1] == b' ';
            text.get(start..end).filter(|_| clear).map(str::trim)
        })
        .collect();
    if let Some(cells) = at_columns
        && !cells[0].is_empty()
    {
        return Some(cells);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    (words.len() == columns.len()).then_some(words)
}

/// Compares the tables of two outputs.
pub(super) fn compare<'t>(
    judge: &mut Judge<'_>,
    manner: &Manner,
    expected: &(Vec<Line<'t>>, Vec<Table<'t>>),
    actual: &(Vec<Line<'t>>, Vec<Table<'t>>),
) {
    let elided_ahead = expected.0.iter().any(|line| line.is_elision());
    for line in &actual.0 {
        let known = elided_ahead || expected.0.iter().any(|l| l.content() == line.content());
        if !known && !is_benign(line.content()) {
            judge.reject(format!("line {}", line.number), "", line.text, false, "the page has no such line".into());
        }
    }
    let mut used = vec![false; actual.1.len()];
    for table in &expected.1 {
        let has_columns =
            |other: &Table<'_>| table.columns.iter().all(|(name, _)| other.columns.iter().any(|(n, _)| n == name));
        let found = (0..used.len()).filter(|&n| !used[n] && has_columns(&actual.1[n])).min_by_key(|&n| {
            let kind =
                |t: &Table<'_>| t.rows.first().and_then(|r| r.line.content().split('/').next().map(str::to_owned));
            kind(table) != kind(&actual.1[n])
        });
        match found {
            Some(n) => {
                used[n] = true;
                Pairing { judge, manner, expected: table, actual: &actual.1[n] }.rows();
            }
            None => {
                let other = actual.1.iter().enumerate().find(|(n, _)| !used[*n]).map_or("", |(_, t)| t.header.text);
                let place = format!("line {}", table.header.number);
                judge.reject(place, table.header.text, other, true, "there is no table with these columns".into());
            }
        }
    }
    for (n, table) in actual.1.iter().enumerate().filter(|(n, _)| !used[*n]) {
        let elided = expected.1.iter().any(|t| t.elided) || manner.lists_cluster;
        if elided {
            judge.findings.accept("", table.header.text, "a table that the page does not show");
        } else if expected.1.len() <= n {
            judge.reject(
                format!("line {}", table.header.number),
                "",
                table.header.text,
                true,
                "the page has no such table".into(),
            );
        }
    }
}

/// Two tables with the same columns.
struct Pairing<'p, 'c, 't> {
    judge: &'p mut Judge<'c>,
    manner: &'p Manner,
    expected: &'p Table<'t>,
    actual: &'p Table<'t>,
}

impl<'t> Pairing<'_, '_, 't> {
    fn rows(&mut self) {
        let extra: Vec<&str> = self
            .actual
            .columns
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !self.expected.columns.iter().any(|(n, _)| n == name))
            .collect();
        for name in extra {
            self.judge.findings.accept("", name, "a column that the page does not show");
        }
        let outer = self.judge.ledger.tentative;
        self.judge.ledger.tentative = self.expected.rows.len() > 1;
        let ordered = self.manner.ordered;
        let assignment = if ordered { self.in_order() } else { self.in_any_order() };
        match assignment {
            Some(vacant) => self.left_over(&vacant),
            None => self.report(),
        }
        self.judge.ledger.tentative = outer;
    }

    /// Rows one by one; where the page leaves rows out, others may come between.
    fn in_order(&mut self) -> Option<Vacant> {
        let rows = self.actual.rows.len();
        let mut vacant = Vacant::all(rows);
        let mut effort = self.effort();
        let mark = self.judge.mark();
        let mut next = 0;
        for row in &self.expected.rows {
            let found = (next..rows)
                .take(if self.expected.elided { 256 } else { 1 })
                .find(|&n| effort.spend(row.line.text, self.actual.rows[n].line.text) && self.row(row, n).is_ok());
            let Some(found) = found else {
                self.judge.back(mark);
                return None;
            };
            vacant.take(found);
            next = found + 1;
        }
        Some(vacant)
    }

    /// Finds a row for each of the page's, so that all bindings hold together.
    fn in_any_order(&mut self) -> Option<Vacant> {
        let (wanted, offered) = (self.expected.rows.len(), self.actual.rows.len());
        if wanted > offered {
            return None;
        }
        let mut vacant = Vacant::all(offered);
        let mut effort = self.effort();
        let shares = self.shares();
        // For each row on the way: the row it took, and the state ahead of it.
        let mut way: Vec<(usize, super::phrase::Mark)> = Vec::with_capacity(wanted);
        let start = self.judge.mark();
        let mut last = None;
        while let Some(row) = self.expected.rows.get(way.len()) {
            let mark = self.judge.mark();
            // Start where the row stands on the page: most outputs are in its order.
            let home = way.len();
            let mut found = None;
            while let Some(candidate) = vacant.next(home, last) {
                if !effort.spend(row.line.text, self.actual.rows[candidate].line.text) {
                    self.judge.back(start);
                    return None;
                }
                let fits = shares.as_ref().is_none_or(|shares| shares.fit(home, candidate));
                if fits && self.row(row, candidate).is_ok() {
                    found = Some(candidate);
                    break;
                }
                last = Some(candidate);
            }
            if let Some(candidate) = found {
                vacant.take(candidate);
                way.push((candidate, mark));
                last = None;
            } else {
                let Some((candidate, mark)) = way.pop() else {
                    self.judge.back(start);
                    return None;
                };
                vacant.give_back(candidate);
                self.judge.back(mark);
                last = Some(candidate);
            }
        }
        Some(vacant)
    }

    /// Tells most wrong pairs of rows before they are compared; only where the tables have as many rows.
    fn shares(&self) -> Option<Shares> {
        let complete = !self.expected.elided && self.expected.rows.len() == self.actual.rows.len();
        complete.then(|| {
            Shares::of((0..self.expected.columns.len()).filter_map(|index| {
                let name = self.expected.columns[index].0;
                let wanted = self.expected.rows.iter().map(|row| row.cells.as_ref()?.get(index).copied());
                let offered = self.actual.rows.iter().map(|row| self.cell(row, name, index));
                Some((wanted.collect::<Option<Vec<_>>>()?, offered.collect::<Option<Vec<_>>>()?))
            }))
        })
    }

    fn effort(&self) -> Effort {
        let rows = self.expected.rows.iter().chain(&self.actual.rows);
        Effort::new(rows.map(|row| row.line.text), MOST_ATTEMPTS)
    }

    fn left_over(&mut self, vacant: &Vacant) {
        for row in vacant.iter().map(|n| &self.actual.rows[n]) {
            if self.judge.findings.is_full() {
                break;
            }
            if self.expected.elided {
                self.judge.findings.accept("", row.line.text, "a row that the page leaves out");
            } else if self.manner.lists_cluster && self.is_object(row) {
                self.judge.findings.accept("", row.line.text, "another object of the cluster");
            } else {
                let place = format!("line {}", row.line.number);
                self.judge.reject(place, "", row.line.text, true, "the page has no such row".into());
            }
        }
    }

    /// Whether a row names an object and tells its age where others do: else it is no row, but something that was said.
    fn is_object(&self, row: &Row<'t>) -> bool {
        let Some(cells) = &row.cells else { return false };
        self.actual.columns.iter().zip(cells).all(|((column, _), cell)| match *column {
            "NAME" | "NAMESPACE" => !cell.is_empty() && !cell.contains(' '),
            "AGE" => cell.starts_with('<') || is_age_cell(cell),
            _ => true,
        })
    }

    /// Says what is wrong: pairs rows as well as it goes, and tells the cells that differ.
    fn report(&mut self) {
        let mut vacant = Vacant::all(self.actual.rows.len());
        let mut effort = self.effort();
        let mut unmatched = Vec::new();
        for (index, row) in self.expected.rows.iter().enumerate() {
            match self.find(&vacant, &mut effort, index, row, |pairing, n| pairing.row(row, n).is_ok()) {
                Some(n) => vacant.take(n),
                None => unmatched.push((index, row)),
            }
        }
        let key = self.expected.columns.iter().position(|(name, _)| *name == "NAME").unwrap_or(0);
        let before = self.judge.findings.rejections();
        for (index, row) in unmatched {
            if self.judge.findings.is_full() {
                break;
            }
            let name = row.cells.as_ref().and_then(|cells| cells.get(key).copied()).unwrap_or_default();
            let partner = self.find(&vacant, &mut effort, index, row, |pairing, n| {
                let other = pairing.cell(&pairing.actual.rows[n], "NAME", key);
                other.is_some_and(|other| {
                    let mark = pairing.judge.mark();
                    let same = pairing.judge.phrase(name, other, "").is_ok();
                    pairing.judge.back(mark);
                    same
                })
            });
            match partner {
                Some(n) => {
                    vacant.take(n);
                    self.cells(name, row, &self.actual.rows[n]);
                }
                None => {
                    let place =
                        if name.is_empty() { format!("line {}", row.line.number) } else { format!("row {name}") };
                    self.judge.reject(place, row.line.text, "", true, "there is no such row".into());
                }
            }
        }
        self.left_over(&vacant);
        if self.judge.findings.rejections() == before {
            let (e, a) = (self.expected.rows.len().to_string(), self.actual.rows.len().to_string());
            let place = format!("line {}", self.expected.header.number);
            self.judge.reject(place, &e, &a, true, "the rows do not go together".into());
        }
    }

    /// The first row that is left and passes the test; in long tables only the one at its place is looked at.
    fn find(
        &mut self,
        vacant: &Vacant,
        effort: &mut Effort,
        index: usize,
        row: &Row<'t>,
        mut test: impl FnMut(&mut Self, usize) -> bool,
    ) -> Option<usize> {
        let long = self.expected.rows.len().max(self.actual.rows.len()) > 200;
        let mut last = None;
        while let Some(n) = vacant.next(if long { index } else { 0 }, last) {
            if long && n != index || !effort.spend(row.line.text, self.actual.rows[n].line.text) {
                return None;
            }
            if test(self, n) {
                return Some(n);
            }
            last = Some(n);
        }
        None
    }

    fn cells(&mut self, name: &str, expected: &Row<'t>, actual: &Row<'t>) {
        let before = self.judge.findings.rejections();
        if let (Some(cells), Some(_)) = (&expected.cells, &actual.cells) {
            let crashing = self.is_crashing(cells);
            for (index, &cell) in cells.iter().enumerate() {
                let column = self.expected.columns[index].0;
                let other = self.cell(actual, column, index).unwrap_or_default();
                if crashing && self.restarted_more(column, cell, other) {
                    continue;
                }
                if let Err(difference) = self.compare_cell(column, cell, other) {
                    let place = format!("row {name}, column {column}");
                    let transient = is_transient(column) || (column == "RESTARTS" && restarts(other) < restarts(cell));
                    self.judge.reject(place, cell, other, transient, difference.reason);
                }
            }
        }
        if self.judge.findings.rejections() == before {
            self.judge.reject(format!("row {name}"), expected.line.text, actual.line.text, true, String::new());
        }
    }

    fn cell(&self, row: &Row<'t>, column: &str, index: usize) -> Option<&'t str> {
        let at = match self.actual.columns.get(index) {
            Some((name, _)) if *name == column => index,
            _ => self.actual.columns.iter().position(|(name, _)| *name == column)?,
        };
        row.cells.as_ref()?.get(at).copied()
    }

    /// Whether two rows say the same; leaves no trace when they don't.
    fn row(&mut self, expected: &Row<'t>, place: usize) -> Result<(), Difference> {
        let actual = &self.actual.rows[place];
        let mark = self.judge.mark();
        let result = match (&expected.cells, &actual.cells) {
            (Some(cells), Some(_)) => {
                let crashing = self.is_crashing(cells);
                cells.iter().enumerate().try_for_each(|(index, &cell)| {
                    let column = self.expected.columns[index].0;
                    let other = self.cell(actual, column, index).ok_or_else(Difference::default)?;
                    if crashing && self.restarted_more(column, cell, other) {
                        return Ok(());
                    }
                    self.compare_cell(column, cell, other)
                })
            }
            _ => self.words(expected.line.text, actual.line.text),
        };
        if result.is_err() {
            self.judge.back(mark);
        }
        result
    }

    /// Rows that can't be cut at the columns, piece by piece.
    fn words(&mut self, expected: &str, actual: &str) -> Result<(), Difference> {
        let (e, a): (Vec<&str>, Vec<&str>) =
            (split(expected).map(|p| p.1).collect(), split(actual).map(|p| p.1).collect());
        if e.len() != a.len() {
            return self.judge.phrase(expected, actual, "");
        }
        e.iter().zip(&a).try_for_each(|(e, a)| {
            if is_age_cell(e) && is_age_cell(a) {
                return Ok(());
            }
            self.judge.phrase(e, a, "")
        })
    }

    fn compare_cell(&mut self, column: &str, expected: &str, actual: &str) -> Result<(), Difference> {
        if expected == actual && expected.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Ok(());
        }
        if self.judge.rules.ignores_name(column) {
            if expected != actual {
                self.judge.findings.accept(expected, actual, "the page says not to compare this column");
            }
            return Ok(());
        }
        let kind = match column {
            "AGE" | "DURATION" | "LAST SEEN" | "FIRST SEEN" | "LAST SCHEDULE" | "LAST-SEEN"
                if is_age_cell(expected) && is_age_cell(actual) =>
            {
                Some(Kind::Age)
            }
            "TARGETS" if same_target(expected, actual) => Some(Kind::Measure),
            "CPU(cores)" | "MEMORY(bytes)" | "CPU%" | "MEMORY%" | "CPU(%)" | "MEMORY(%)"
                if same_unit(expected, actual) =>
            {
                Some(Kind::Measure)
            }
            "VERSION" | "KERNEL-VERSION" | "OS-IMAGE" | "CONTAINER-RUNTIME"
                if self.is_of_nodes() && same_letters(expected, actual) =>
            {
                Some(Kind::NodeVersion)
            }
            _ => None,
        };
        match kind {
            Some(kind) => {
                if expected != actual {
                    self.judge.findings.accept(expected, actual, kind.name());
                }
                Ok(())
            }
            None => self.judge.phrase(expected, actual, column),
        }
    }

    /// Whether the page shows a Pod that ends again and again.
    fn is_crashing(&self, cells: &[&str]) -> bool {
        self.expected
            .columns
            .iter()
            .zip(cells)
            .any(|((name, _), cell)| *name == "STATUS" && *cell == "CrashLoopBackOff")
    }

    /// Who reads for longer than the author finds that the Pod has ended more often.
    fn restarted_more(&mut self, column: &str, expected: &str, actual: &str) -> bool {
        let more = column == "RESTARTS"
            && restarts(expected)
                .zip(restarts(actual))
                .is_some_and(|(expected, actual)| (1..actual).contains(&expected));
        if more {
            self.judge.findings.accept(expected, actual, "a Pod that keeps ending, later");
        }
        more
    }

    fn is_of_nodes(&self) -> bool {
        let has = |column: &str| self.expected.columns.iter().any(|(name, _)| *name == column);
        has("ROLES") && has("VERSION")
    }
}

/// Measured beside its target: `69%/80%`, `7/100 (avg)`, `cpu: 3%/80%`. The target must be the same.
fn same_target(expected: &str, actual: &str) -> bool {
    let (Some((e, target)), Some((a, other))) = (expected.split_once('/'), actual.split_once('/')) else {
        return false;
    };
    target == other && same_unit(e, a)
}

/// Numbers with the same words around them; thousandths beside whole numbers.
fn same_unit(expected: &str, actual: &str) -> bool {
    let unit = |text: &str| text.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect::<String>();
    let measured = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let (e, a) = (unit(expected), unit(actual));
    measured(expected) && measured(actual) && (e == a || e.trim_end_matches('m') == a.trim_end_matches('m'))
}

/// Software of the same name in another version.
fn same_letters(expected: &str, actual: &str) -> bool {
    if expected.contains("VAR::") {
        return actual.bytes().any(|b| b.is_ascii_digit());
    }
    let name = |text: &str| text.bytes().take_while(|b| !b.is_ascii_digit()).collect::<Vec<_>>();
    let versioned = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    versioned(expected) && versioned(actual) && name(expected) == name(actual)
}

/// How often a container was started again: the number that `3 (36s ago)` begins with. It only grows.
fn restarts(cell: &str) -> Option<u32> {
    cell.split_whitespace().next()?.parse().ok()
}

/// Columns whose cells time alone may change, whatever they hold.
fn is_transient(column: &str) -> bool {
    const LASTING: [&str; 21] = [
        "NAME",
        "NAMESPACE",
        "TYPE",
        "CLASS",
        "KIND",
        "PROVISIONER",
        "RECLAIM POLICY",
        "RECLAIMPOLICY",
        "ACCESS MODES",
        "CAPACITY",
        "STORAGECLASS",
        "PORT(S)",
        "PORTS",
        "HOSTS",
        "SCHEDULE",
        "ARCH",
        "RESTARTS",
        "NODE SELECTOR",
        "CHART",
        "REFERENCE",
        "CLAIM",
    ];
    !LASTING.contains(&column)
}
