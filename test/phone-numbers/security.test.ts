import { requiresApiKey } from "../support/security.ts";

requiresApiKey("POST", "/v1/phone-numbers", { phone_number: "+447446466847" });
