"""`unleak` with the core and the helper replaced by the fakes beside this file."""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "python")]

import fake_engine  # noqa: E402

import unleak.cli  # noqa: E402

sys.modules["unleak.cli.engine"] = fake_engine
unleak.cli.engine = fake_engine

from unleak.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
