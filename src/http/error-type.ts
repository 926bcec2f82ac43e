/** The `type` of an error envelope, which groups codes by HTTP status. */
export function errorType(status: number): string {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found";
    case 409:
      return "conflict";
    case 429:
      return "rate_limit_error";
    case 502:
    case 503:
      return "provider_error";
    case 500:
      return "server_error";
    default:
      return "invalid_request";
  }
}
