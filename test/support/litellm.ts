import { type PythonVenv, pythonVenv } from "./python.ts";

/**
 * LiteLLM with the packages that its BudgetManager and its prices import. Its other dependencies would be some hundred
 * megabytes more, and are not needed to keep budgets.
 */
const REQUIREMENTS = [
  "litellm==1.109.1",
  "aiohappyeyeballs==2.7.1",
  "aiohttp==3.14.5",
  "aiosignal==1.4.0",
  "annotated-types==0.8.0",
  "anyio==4.16.0",
  'async-timeout==5.0.1; python_version < "3.11"',
  "attrs==26.1.0",
  "certifi==2026.10.18",
  "charset-normalizer==3.5.2",
  "fastuuid==0.14.0",
  "frozenlist==1.8.0",
  "h11==0.16.0",
  "h2==4.4.1",
  "hpack==4.2.0",
  "httpcore==1.0.9",
  "httpcore2==2.16.2",
  "httpx==0.28.1",
  "httpx2==2.16.2",
  "hyperframe==6.1.0",
  "idna==3.20",
  "importlib_metadata==8.7.0",
  "Jinja2==3.1.6",
  "jiter==0.19.0",
  "MarkupSafe==3.0.4",
  "multidict==7.2.1",
  "openai==3.54.0",
  "packaging==26.3",
  "propcache==0.5.4",
  "pydantic==2.14.3",
  "pydantic-settings==2.16.3",
  "pydantic_core==2.50.4",
  "python-dotenv==1.2.4",
  "PyYAML==6.0.3",
  "regex==2026.11.15",
  "requests==2.34.2",
  "sniffio==1.3.1",
  "tiktoken==0.14.0",
  "truststore==0.10.5",
  "typing-inspection==0.4.5",
  "typing_extensions==4.16.0",
  "urllib3==2.8.0",
  "yarl==1.25.1",
  "zipp==4.1.2",
];

/** Uses the prices and tokenizers of the package, so that nothing is fetched while a test runs. */
export const LITELLM_ENVIRONMENT = { LITELLM_LOCAL_MODEL_COST_MAP: "True" };

/** Python with LiteLLM, unchanged. */
export const litellmVenv = (): Promise<PythonVenv> =>
  pythonVenv(["--no-deps", "--no-compile", ...REQUIREMENTS]);
