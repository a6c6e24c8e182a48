//! Text in columns, by the rules of elastic tab stops: a column is a run of lines that have a cell there.

/// Collects text with tabs and lays it out in columns.
#[derive(Debug, Clone)]
pub struct Columns {
    min_width: usize,
    padding: usize,
    /// Widths that a flush leaves for the lines after it; `None` forgets them.
    remembered: Option<Vec<usize>>,
    text: String,
}

impl Columns {
    /// As `get` lays out tables: the widths last over several flushes.
    pub fn table() -> Self {
        Self { min_width: 6, padding: 3, remembered: Some(Vec::new()), text: String::new() }
    }

    /// As `describe` lays out its text.
    pub fn description() -> Self {
        Self { min_width: 0, padding: 2, remembered: None, text: String::new() }
    }

    /// Adds text; cells end with tabs, lines with newlines.
    pub fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Lays out what was written since the last time.
    pub fn flush(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
        let mut out = String::with_capacity(text.len() * 2);
        let mut widths = Vec::new();
        self.format(&lines, 0, lines.len(), &mut widths, &mut out);
        out
    }

    /// What was written since the last time, as it is.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Forgets the widths of what was flushed.
    pub fn forget(&mut self) {
        if let Some(remembered) = &mut self.remembered {
            remembered.clear();
        }
    }

    fn format(&mut self, lines: &[Vec<&str>], mut from: usize, to: usize, widths: &mut Vec<usize>, out: &mut String) {
        let column = widths.len();
        let mut this = from;
        while this < to {
            if column + 1 >= lines[this].len() {
                this += 1;
                continue;
            }
            print(lines, from, this, widths, out);
            let start = this;
            let mut width = self.min_width;
            while this < to && column + 1 < lines[this].len() {
                width = width.max(width_of(lines[this][column]) + self.padding);
                this += 1;
            }
            if let Some(remembered) = &mut self.remembered {
                match remembered.get_mut(column) {
                    None => remembered.push(width),
                    Some(last) => {
                        width = width.max(*last);
                        *last = width;
                    }
                }
            }
            widths.push(width);
            self.format(lines, start, this, widths, out);
            widths.pop();
            from = this;
        }
        print(lines, from, to, widths, out);
    }
}

fn width_of(cell: &str) -> usize {
    cell.chars().count()
}

fn print(lines: &[Vec<&str>], from: usize, to: usize, widths: &[usize], out: &mut String) {
    for at in from..to {
        for (column, cell) in lines[at].iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(column) {
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(width_of(cell))));
            }
        }
        if at + 1 < lines.len() {
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_columns() {
        let mut columns = Columns::table();
        columns.write("NAME\tREADY\tAGE\nweb-5786b958cc\t1/1\t6s\n");
        assert_eq!(columns.flush(), "NAME             READY   AGE\nweb-5786b958cc   1/1     6s\n");
        columns.write("x\t0/1\t7s\n");
        assert_eq!(columns.flush(), "x                0/1     7s\n");
    }

    #[test]
    fn a_description_has_blocks() {
        let mut columns = Columns::description();
        columns.write("Name:\tx\nLabels:\ta=b\n\tc=d\nPod:\n  A:\t1\n  Bcd:\t2\nEvents:\t<none>\n");
        assert_eq!(
            columns.flush(),
            "Name:    x\nLabels:  a=b\n         c=d\nPod:\n  A:     1\n  Bcd:   2\nEvents:  <none>\n"
        );
    }
}
