//! A large body, as it is cut into frames.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes in order: runs of copied ones, each with the field that follows it.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    first: Run,
    others: VecDeque<Run>,
    len: usize,
}

/// Bytes of a frame: some to copy behind its head, then some by reference.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) copied: Bytes,
    pub(crate) field: Bytes,
}

impl Run {
    fn len(&self) -> usize {
        self.copied.len() + self.field.len()
    }
}

impl Parts {
    /// Bytes that are left.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, run: Run) {
        let Run { copied, field } = run;
        // Many bytes side by side are cheaper to refer to than to copy.
        let (run, behind) = match copied.len() {
            0..MIN_REFERRED => (Run { copied, field }, Bytes::new()),
            _ => (Run { copied: Bytes::new(), field: copied }, field),
        };
        for run in [run, Run { copied: Bytes::new(), field: behind }] {
            match run.len() {
                0 => {}
                len if self.len == 0 => (self.first, self.len) = (run, len),
                len => {
                    self.len += len;
                    self.others.push_back(run);
                }
            }
        }
    }

    /// Takes the next bytes, at most `max`, which is no less than 1 KiB.
    pub(crate) fn split(&mut self, max: usize) -> Run {
        let copied = std::mem::take(&mut self.first.copied);
        let field = &mut self.first.field;
        let field = field.split_to(field.len().min(max.saturating_sub(copied.len())));
        if self.first.field.is_empty() {
            self.first = self.others.pop_front().unwrap_or_default();
        }
        let run = Run { copied, field };
        self.len -= run.len();
        run
    }
}

impl From<Run> for Parts {
    fn from(run: Run) -> Self {
        Self { len: run.len(), first: run, others: VecDeque::new() }
    }
}

impl From<Bytes> for Parts {
    fn from(field: Bytes) -> Self {
        Run { copied: Bytes::new(), field }.into()
    }
}

/// From here on bytes are sent by reference.
const MIN_REFERRED: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(copied: usize, field: usize) -> Run {
        Run { copied: vec![1; copied].into(), field: vec![2; field].into() }
    }

    #[test]
    fn bodies_are_cut_at_any_length_and_come_out_in_order() {
        let sizes = [0, 1, MIN_REFERRED - 1, MIN_REFERRED, 5000];
        for runs in
            sizes.map(|copied| sizes.map(|field| [(copied, field), (field, copied), (3, 9000)])).concat()
        {
            let wanted: Vec<u8> = runs
                .iter()
                .flat_map(|(copied, field)| [vec![1; *copied], vec![2; *field]].concat())
                .collect();
            for max in [1024, 4096, 65_000] {
                let mut parts = Parts::default();
                runs.iter().for_each(|(copied, field)| parts.push(run(*copied, *field)));
                assert_eq!(parts.len(), wanted.len());
                let mut got = Vec::new();
                while !parts.is_empty() {
                    let Run { copied, field } = parts.split(max);
                    assert!((1..=max).contains(&(copied.len() + field.len())) && copied.len() < MIN_REFERRED);
                    got.extend_from_slice(&copied);
                    got.extend_from_slice(&field);
                }
                assert!(got == wanted, "{runs:?} by {max}");
            }
        }
    }

    #[test]
    fn few_bytes_and_the_field_behind_them_leave_together() {
        let mut parts = Parts::default();
        parts.push(run(3, 20_000));
        let place = parts.first.field.as_ptr();
        let run = parts.split(65_000);
        assert_eq!((run.copied.len(), run.field.len(), run.field.as_ptr()), (3, 20_000, place));
    }
}
