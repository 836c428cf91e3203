"""The nouns of the package and its errors. Standard library only: every other module may import it.

StanceError
├── ConfigError      a configuration file or override is wrong
├── DataError        labelled data is wrong; carries every problem found
├── DocumentError    an article or sentence cannot be read or scored
├── ModelError       a saved model is missing, incomplete, corrupt or of another kind
├── BusyError        another process is at work where this one wants to be
├── TeamError        another process of the same training has ended
└── DependencyError  an optional part of the package is not installed
"""

from stance.schema.base import (
    LABELS,
    Attribution,
    BusyError,
    ConfigError,
    DataError,
    DependencyError,
    DocumentError,
    Explanation,
    Metadata,
    ModelError,
    Prediction,
    Problem,
    Span,
    StanceError,
    TeamError,
    Word,
    require,
)
from stance.schema.scored import (
    SCHEMA_MINOR,
    SCHEMA_VERSION,
    ScoredArticle,
    ScoredPart,
    ScoredSentence,
    row_columns,
)
from stance.schema.voices import (
    ACTOR_TYPES,
    FORMS,
    MIN_STATEMENTS,
    NOTHING_SAID,
    ActorScore,
    ArticleActor,
    Mention,
    PairScore,
    Score,
    Share,
    Statement,
)

__all__ = [
    "ACTOR_TYPES",
    "FORMS",
    "LABELS",
    "MIN_STATEMENTS",
    "NOTHING_SAID",
    "SCHEMA_MINOR",
    "SCHEMA_VERSION",
    "ActorScore",
    "ArticleActor",
    "Attribution",
    "BusyError",
    "ConfigError",
    "DataError",
    "DependencyError",
    "DocumentError",
    "Explanation",
    "Mention",
    "Metadata",
    "ModelError",
    "PairScore",
    "Prediction",
    "Problem",
    "Score",
    "ScoredArticle",
    "ScoredPart",
    "ScoredSentence",
    "Share",
    "Span",
    "StanceError",
    "Statement",
    "TeamError",
    "Word",
    "require",
    "row_columns",
]
