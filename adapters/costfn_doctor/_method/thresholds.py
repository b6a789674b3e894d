"""Every number by which the doctor decides: what it decides and where it comes from.

"Gap a to b" tells how near the labelled losses for torch come to a threshold: of the
values that were compared with it, none lies between a and b times the threshold.
`python -m tests.bench.doctor_thresholds` measures this again. A wide gap means that
the exact number does not matter; a narrow one is a close decision. "By hand" means
that the number was set by judgement, and no measurement is on record.
"""

# --- Which changes of the loss count -------------------------------------------------

# Largest change, relative to the loss, that may be rounding. A float32 rounds to 6e-8;
# sums of some hundred terms in another order reach some 1e-7. Gap 0.02 to 2.8.
ROUNDING = 2e-6
# Losses below this count as this large, or 0 would leave no rounding. Gap 0 to 9.
SMALLEST_SCALE = 1e-6
# Roundings by which the loss must change before it "changes": between different inputs
# errors add up. A frozen line is judged by a single one. Gap 0.06 to 2.7.
MOVES = 5
# The same after a reordering, which rounds every sum anew. Gap 0.05 to 1400.
MOVES_BY_ORDER = 10
# Rounding of a reordered loss that is itself near 0, while its terms are not. By hand.
LEAST_REORDERING = 2e-9
# Two recorded values are equal up to this, relative or absolute: rounding of float32
# after some operations. By hand.
SAME_RELATIVE = 1e-4
SAME_ABSOLUTE = 1e-6

# --- What is examined ----------------------------------------------------------------

# Samples of a batch, and entries of the prediction, that are examined at most. A
# diagnosis is about 50 runs; with these it takes 0.06 to 0.6 s for most losses.
ROWS = 16
LARGEST_BATCH = 4096
# But at least so many rows, and so many rows that they hold this many entries. By hand.
FEWEST_ROWS = 4
FEWEST_ENTRIES = 64
# Other predictions to try. An effect must show at one of them.
SAMPLES = 5
# As many are run even if the time is over: the verdict on the gradient needs two.
FEWEST_SAMPLES = 2
# Noise of the other predictions, relative to the spread of the one given. Small noise
# keeps boxes and rotations valid; large noise makes hard decisions change. By hand.
SMALL_NOISE = 0.1
LARGE_NOISE = 0.7
# The same for positive predictions, whose logarithm gets the noise. By hand.
POSITIVE_NOISE = 0.5
# Probabilities are kept this far from 0 and 1. By hand.
PROB_MARGIN = 0.02
# With more entries than this, all positive means positive by nature. With 4 it happens
# by chance to one in 16 predictions. By hand.
FEW_ENTRIES = 3
# Share of the columns that labels must exceed to be classes of these columns. Labels of
# embeddings use fewer: the labelled losses have 3 labels for 6 columns.
FEWEST_CLASSES_USED = 0.5
# Rows of probabilities sum to one up to this; float32 softmax is 1e-6 off, and what
# was printed with four digits 1e-3.
ROWS_SUM_TO_ONE = 1e-3
# A wrong prediction in regression is this many standard deviations of the target off,
# to which the second number is added for a constant target. By hand.
WRONG_BY = 3
LEAST_TARGET_SPREAD = 0.1
# Shuffled targets, and changed targets, before the target counts as ignored. Shuffles
# alone gave false errors: a loss of target statistics does not change by them.
OTHER_TARGETS = 3
# Real targets are multiplied by numbers in this range. By hand.
TARGET_FACTORS = (0.5, 1.5)

# --- Where the graph is cut ----------------------------------------------------------

# Share of the movement of the loss that may be left if the culprit is frozen.
# Gap 0 to 7.7: most culprits leave nothing.
STOPPED = 0.02
# Change of the gradient, relative to its largest entry, that tells a weight from a
# dead term. Gap 0 to 600: dead terms change nothing at all.
TURNED = 1e-5
# Avoids a division by a gradient of zero; the smallest one met was 2e-4.
SMALLEST_GRADIENT = 1e-12
# Other results tried in the place of a cut. One can be equal by chance.
EXCHANGES = 3
# Axes with more columns than this are not searched for a column without gradient: each
# column costs some runs. By hand.
MOST_COLUMNS = 64
# Cutoffs at which binary decisions are made: of logits and of probabilities.
BINARY_CUTOFFS = (0.0, 0.5)
# A metric is recognised if its correlation with the loss is at least this large over
# all predictions, and it changes by at least the second number. By hand: rounding must
# pass, a curve must not.
STRAIGHT_LINE = 0.9999
METRIC_CHANGES = 1e-9

# --- Direction -----------------------------------------------------------------------

# Logit of a right prediction that is not overconfident: a probability of 0.9975.
RIGHT_LOGIT = 6.0
# If a descent step raises the true scores by less than this more than the others, the
# sign is wrong; a right one leads by 1. The labelled losses with a wrong sign lead by
# -1.2 and less.
SLIGHT_LEAD = 1e-3
# And if it raises both alike, the gradient ignores the target. Gap 0 to 10 000.
NO_LEAD = 1e-4
# Predictions at which the lead is measured; the largest counts. By hand.
GRADIENTS_LOOKED_AT = 4
# Avoids a division by a gradient of zero.
SMALLEST_PUSH = 1e-30

# --- Saturation ----------------------------------------------------------------------

# Logit of a confident mistake: a probability of 1e-11. A sigmoid in float32 rounds to
# 1 from 17 on, so a loss that loses its gradient by that has lost it here.
CONFIDENT_LOGIT = 25.0
# Share of the usual gradient that must be left there. Gap 1e-5 to 4000: cross entropy
# keeps all of it, a squared error of a sigmoid 1e-10.
GRADIENT_LEFT = 1e-5
# From this share on the report says "the full gradient"; it decides nothing else.
FULL_GRADIENT = 0.995
# Share of the loss that a right prediction must save for a lost gradient to matter.
# Gap 0 to 28.
WORTH_GAINING = 0.01
# Share of the movement by which a sum of two changes may differ from both together
# before the places interact. Gap 0.36 to 3.1, narrow because of one loss: a Dice of
# values between 0.5 and 0.73 is nearly a sum.
ADDS_UP = 1e-4
# Share of entries without gradient from which they are examined. Hinges leave some
# flat. Gap 0 to 1.25: a triplet loss has 6 %.
FLAT_SHARE = 0.05
# Step towards the better value at which a flat loss must still be flat (by hand), and
# the relative change that still counts as flat. Gap 0 to 7600.
FLAT_STEP = 1e-3
STANDS_STILL = 1e-7
# A node loses an entry of the gradient if less than this share of it is left. By hand.
LOST = 1e-4
# Change of the prediction by which JAX finds the line that loses it. By hand.
SMALL_CHANGE = 1e-2

# --- Finite differences --------------------------------------------------------------

# Points at which slopes are compared, and how many must disagree: a kink may lie
# beside one point.
DIFFERENCE_POINTS = 4
POINTS_THAT_DISAGREE = 2
# Steps in units of the prediction's spread. In float64 the error of a difference is
# least near the cube root of its eps, 6e-6; in float32 near 5e-3.
FINE_STEPS = (1e-4, 1e-5, 1e-6)
WIDE_STEPS = (1e-1, 3e-2, 1e-2)
# Two successive steps must agree up to this, or the next one is tried. Gap 0.5 to 1.6,
# and none for wide steps: it only chooses a step.
STEPS_AGREE_FINE = 3e-4
STEPS_AGREE_COARSE = 1e-2
# Relative error of the slope that is allowed. Gap 0.7 to 4.4 for fine steps, where a
# loss in bfloat16 comes near; for wide steps all errors are below 0.5.
SLOPE_ERROR_FINE = 2e-3
SLOPE_ERROR_COARSE = 5e-2
# Slopes below this are zero, for the relative error. Gap 0.01 to 45.
SMALLEST_SLOPE = 1e-7
# How far the plain slope must be off, in allowed errors, before the doctor says that
# the gradient leaves something out. No gap; it only decides about an information.
LEFT_OUT = 10

# --- The class axis ------------------------------------------------------------------

# Predictions at which a suspect must sum to one: a single one may do so by chance.
AXIS_POINTS = 3
# Sums of a softmax in float32 are at most 1e-6 off. By hand.
SUMS_TO_ONE = 1e-4
# Logarithms of probabilities may exceed 0 by rounding.
LOG_ROUNDING = 1e-6

# --- Properties ----------------------------------------------------------------------

# Predictions compared with the one given, to find the line that ignores them. By hand.
POINTS_TO_COMPARE = 2
# Seeds under which the loss must be the same.
SEEDS = 4
# Orders of the samples to try, and the fewest samples with an order to speak of.
ORDERS = 3
FEWEST_TO_REORDER = 3

# --- Extreme inputs ------------------------------------------------------------------

# Rows from which a column that is always positive has a domain of its own: by chance
# that happens to one column in 1000. A variance beside a mean gave a false error.
COLUMNS_HAVE_DOMAINS = 10
# Entries from which "all between -1 and 1" is by nature, as after tanh; that gave a
# false error too.
NARROW_FROM = 32
# Sizes of large predictions. What fails at 100 alone is a warning, because losses of
# torch itself overflow there: exp(100) in float32 is infinite.
LARGE_LOGITS = (30, 100)
USUAL_LARGE_LOGIT = 30
# Inputs of an exponential above this make an overflow of it; below, it is a pole.
LARGE_INPUT = 1

# --- Single calls --------------------------------------------------------------------

# Change of the loss, in one shape, that is evidence of a wrong broadcast. Gap: all that
# were met change it by 0.03 or more.
BROADCAST_CHANGES = 1e-6
# Log-probabilities may exceed 0 by this through rounding. Gap: log-probabilities are
# below 0, and what was passed by mistake above 0.5.
LOG_PROB_ROUNDING = 1e-5
# Spread of the predictions at which a squashed input comes near 0 and 1, and how near.
# Gap: sigmoids reach both up to rounding. A similarity exp(-d) reaches 0 alone.
WIDE_SPREAD = 30
NEAR_ZERO = 0.01
NEAR_ONE = 0.99
# Larger results are not searched for rows that sum to one, to save time. By hand.
LARGEST_NORMALISED = 4096

# --- Custom autograd Functions -------------------------------------------------------

# Directions along which both slopes are compared, and the step, in float64.
FUNCTION_POINTS = 3
FUNCTION_STEP = 1e-6
# Relative error of a slope. The Functions that were tested are all wrong on purpose or
# by mistake: they are at least 230 times as far off.
NEARLY = 1e-3
# Slopes below this are zero: the forward is a step. Gap 0 to 1e8.
NO_SLOPE = 1e-9

# --- Memory and time -----------------------------------------------------------------

# Numbers in a module up to which every run gets a copy; larger ones share one copy,
# whose state is restored at the end. By hand: 8 MB in float32.
LARGEST_COPIED_MODULE = 2_000_000
# Objects that are looked at to find what a loss holds. By hand.
OBJECTS_LOOKED_AT = 10_000
# Entries of a result up to which its numbers are recorded. By hand: 1.6 MB.
LARGEST_RECORDED = 200_000
