//! Token rows and labels, stored flat: what a training step reads.
//!
//! Nothing here is padded and nothing here tokenises; rows are in file order, and who comes when is
//! [`super::Order`]'s business.

/// Everything a trial trains and is judged on.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The rows to train on.
    pub train: Split,
    /// The rows that choose between trials.
    pub validation: Split,
    /// The locked rows: touched once, for the winner.
    pub test: Option<Split>,
    /// What the labels are.
    pub target: Target,
    /// The longest a row may be, special tokens included.
    pub max_tokens: usize,
    /// How many rows of all splits were longer than that and were cut.
    pub truncated: usize,
}

/// What the model has to say about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One of these names; a label is an index into them.
    Classes(Vec<String>),
    /// A real number.
    Regression,
}

/// Rows of tokens with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    ids: Vec<u32>,
    type_ids: Vec<u8>,
    offsets: Vec<u32>,
    labels: Labels,
}

/// One label a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Indices into [`Target::Classes`].
    Classes(Vec<u32>),
    /// Real numbers, for [`Target::Regression`].
    Scores(Vec<f32>),
}

/// One row: special tokens included, no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Token ids.
    pub ids: &'a [u32],
    /// The segment of each token: 0 for the first text, 1 for the second where the model tells
    /// them apart. As long as `ids`.
    pub type_ids: &'a [u8],
}

impl Target {
    /// How many numbers the model gives a row: one a class, or one.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes(names) => names.len(),
            Self::Regression => 1,
        }
    }
}

impl Labels {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Scores(scores) => scores.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Split {
    /// Gathers rows; `rows` and `labels` must be equally many.
    pub fn new<'a>(rows: impl IntoIterator<Item = Row<'a>>, labels: Labels) -> Self {
        let mut split = Self { ids: Vec::new(), type_ids: Vec::new(), offsets: vec![0], labels };
        for row in rows {
            assert_eq!(row.ids.len(), row.type_ids.len(), "a segment for each token");
            split.ids.extend_from_slice(row.ids);
            split.type_ids.extend_from_slice(row.type_ids);
            split.offsets.push(split.ids.len() as u32);
        }
        assert_eq!(split.rows(), split.labels.len(), "a label for each row");
        split
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Row `index`.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::rows`].
    pub fn row(&self, index: usize) -> Row<'_> {
        let range = self.offsets[index] as usize..self.offsets[index + 1] as usize;
        Row { ids: &self.ids[range.clone()], type_ids: &self.type_ids[range] }
    }

    /// How many tokens row `index` has.
    ///
    /// # Panics
    /// Where `index` is not below [`Self::rows`].
    pub fn tokens(&self, index: usize) -> usize {
        (self.offsets[index + 1] - self.offsets[index]) as usize
    }

    /// How many tokens all rows have together.
    pub fn total_tokens(&self) -> usize {
        self.ids.len()
    }

    /// The labels of all rows, in row order.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }
}
