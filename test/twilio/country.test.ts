import { describe, expect, it } from "vitest";
import { countryOf, refusedCountry } from "../../src/twilio/country.ts";

describe("the country of a number", () => {
  it.each([
    ["+447446466847", "GB"],
    ["+441481960194", "GG"],
    ["+14155550123", "US"],
    ["+14165550123", "CA"],
    ["+12425550123", "BS"],
    ["+18765550123", "JM"],
    ["+18005550123", "US"],
    ["+37120000000", "LV"],
    ["+25261000000", "SO"],
    ["+77011234567", "KZ"],
    ["+79161234567", "RU"],
    ["+390669812345", "VA"],
    ["+390612345678", "IT"],
    // Of a range that the table does not know, the calling code says the country.
    ["+449999", "GB"],
  ])("%s is in %s", async (number, country) => {
    expect(await countryOf(number)).toBe(country);
  });

  it.each([
    ["a premium number of North America", "+19005550123"],
    ["a premium number of Great Britain", "+449012345678"],
    ["a shared-cost one", "+448451234567"],
    ["a personal one", "+447012345678"],
    ["a premium one of Latvia", "+37190000000"],
    ["a satellite", "+88216123456"],
    ["an international premium service", "+979123456789"],
    ["an international network", "+88312345678"],
    ["a code that nobody has", "+999123456"],
  ])("%s is in none", async (_, number) => {
    expect(await countryOf(number)).toBeNull();
    expect(await refusedCountry(number, ["US", "GB", "LV"])).toBeNull();
    expect(await refusedCountry(number, ["*"])).toBeUndefined();
  });

  it("is asked of telephone numbers only", async () => {
    expect(await refusedCountry("sip:desk@acme.example", [])).toBeUndefined();
    expect(await refusedCountry("+447446466847", ["GB"])).toBeUndefined();
    expect(await refusedCountry("+447446466847", ["US"])).toBe("GB");
  });
});
